// Package postgres keeps rooms in PostgreSQL, for several nodes on one database.
//
//	Append ─▶ one statement: compare-and-set of rooms.last, the records, pg_notify ─▶ committed together
//	node 2 ◀─ LISTEN on a connection of its own ◀─ "room 17 has grown to 43" ─▶ its watchers Read
//
// What a notification says comes with the commit it is about, or not at all. The listening connection is made again after a loss, with
// jitter, and then everybody looks at everything: so no change stays unseen. A topic is a channel of its own, named by its hash, so that a node
// hears only what it subscribes to; a message that does not fit a notification (8000 bytes) waits in a table, and the notification carries
// its number.
//
// The tables are called confab_…, in the first schema of the search path, and made or updated when a node starts, one at a time. IDs and keys
// are bytea: any bytes, compared as such. What was acknowledged is as safe as synchronous_commit of the server makes it (on, by default: on disk).
package postgres
