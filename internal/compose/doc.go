// Package compose introduces parts of the server that do not know each other.
//
// signaling says what it needs of an SFU, and media is one, but each has its own words for the same things, so that either can be tested
// and understood alone. This package is the dictionary between them. It is used where a whole server is put together: by cmd/sfu,
// which serves, and by internal/netlab, which tests; so both put it together in the same way. It decides nothing and starts nothing.
package compose
