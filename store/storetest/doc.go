// Package storetest is the suite that every store passes: memory, sqlite, postgres and redis.
//
// Run takes a Backend, which says how to open one more node on the same data, and holds it to the contract of package store: alone, with
// several nodes at once, with schedules that are seeded and so can be run again, with hostile names and with contexts that end. What only one
// backend can suffer (a killed process, a full disk, a lost connection) is tested beside that backend.
//
// Postgres and Redis start real servers, the Debian packages' own, in a folder of the test and not reachable from elsewhere. Where they are not
// installed the test is skipped and says so; with REQUIRE_STORES set it fails.
package storetest
