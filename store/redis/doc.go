// Package redis keeps rooms in Redis, for several nodes on one server.
//
//	confab:rooms            sorted set of all IDs           confab:log:ID   stream of records, with the numbers as their IDs: 42-0
//	confab:room:ID          hash: epoch, first, last, …     confab:refs:ID  sorted set of the numbers of records that have a Ref, by Ref
//	confab:value:KEY, confab:count:KEY, confab:nodes        confab:snap:ID  string
//
// Every change is one script: it looks, writes and publishes, and nobody comes between. The channel confab:grown says which room
// has grown to what; confab:topic:TOPIC is a topic. The connection that listens is made again after a loss, and then everybody looks at everything, so no
// change stays unseen.
//
// Redis keeps what was acknowledged as well as it was told to: with appendonly it outlives a killed process, with appendfsync always a
// power cut too, and with everysec the last second may be lost then, and at a failover to a replica what had not reached it. Who notices that the log has lost
// its end gets ErrAhead, and renews the room. Without appendonly, or when it may evict keys, Open warns. A cluster is not supported: a change touches keys of several slots.
package redis
