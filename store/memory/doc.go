// Package memory keeps rooms in the memory of the process: for tests, and for who wants nothing on disk.
//
// What it keeps ends with the process. Within it, it does all that the other stores do: a Store made with New is one node's, and Join
// gives another node one that shares its rooms, topics and counters, so that a whole cluster fits into a test in virtual time. It is
// bounded by what Retention leaves of the rooms, and by maxEntries values and counters.
package memory
