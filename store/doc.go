// Package store keeps the logs of rooms, and tells the nodes that share it of each other.
//
//	node 1: replica of the room ──Append(after 41, [42 43])──▶ log ──Watch("room", 43)──▶ node 2: Read(after 41) → evolves its replica
//	node 2:                     ──Append(after 41, [42])────▶ ErrConflict: Read what was missed, decide again, append again
//
// A room is an ordered log. Its records have the numbers 1, 2, 3, … without a hole. There is no leader: every node that serves the room has
// a replica of its state, decides on it, and appends with a compare-and-set on the number of the last record. So exactly one of two
// concurrent decisions stands, and the other one is made again by somebody who has seen the first.
//
// The epoch names one life of a log. It is random, made with the room, and another one after Delete or Renew; a number means something
// only together with its epoch. Who comes with the wrong one gets ErrGone and starts from Open.
//
// A log grows at its end and is trimmed at its beginning, up to the snapshot that its owner has put beside it:
//
//	trimmed        kept
//	1 2 3 … 99 │ 100 101 102 … 250        First 100, Last 250; the snapshot is of 99 or later
//
// The records that make or change one chat message carry its number as their Ref, so that Page finds a page of messages with all that
// became of them without reading the log.
//
// Beside the logs there are small things that nodes share: values and counters that expire, who is alive, and messages on
// topics, which are ephemeral: at most once, in the order of their publisher, and lost rather than waited for.
//
// The package is the contract alone. What keeps it is next door: memory, sqlite, postgres, redis; backend opens the one that a URL names.
// storetest is the suite that all four pass, and faulty wraps any of them in trouble. What a record's Data or a snapshot contains is
// their reader's business: here they are bytes.
package store
