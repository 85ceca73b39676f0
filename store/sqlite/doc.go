// Package sqlite keeps rooms in one SQLite file: the default, for one node.
//
//	Append, Put, … ─▶ queue (bounded) ─▶ writer: BEGIN, all that waits, COMMIT (one fsync) ─▶ answers
//	Read, Page, …  ─▶ pool of readers, each sees one moment of the file
//
// One goroutine writes. While a commit is on its way to the disk, what comes meanwhile gathers and makes the next one, so many rooms share the
// price of an fsync. The file is in WAL mode, readers and the writer do not wait for each other, and synchronous=FULL: what was
// acknowledged survives a killed process and, on a disk that keeps what it was told to flush, a power cut. A change is checked (epoch, last
// number) before anything of it is written, so a refusal leaves no trace in the transaction of others; when the transaction itself fails,
// its parts are tried one by one, and each gets an answer of its own.
//
// Two processes may have the same file open, as at a restart that hands over: numbers stay without a hole, and watchers look at
// everything when the other one has written. Topics do not reach the other process: several nodes want postgres or redis.
package sqlite
