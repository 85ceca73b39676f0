// Package backend opens the store that a URL names.
//
//	memory:                          nothing outlives the process
//	sqlite:   sqlite:PATH            one file: rooms.db in the data folder, or PATH
//	postgres://user:password@host/database?sslmode=verify-full
//	redis://user:password@host:6379/0, rediss://… with TLS
//
// It is apart from package store so that who needs the contract does not link four databases. Errors name the store without its
// password, and without its parameters.
package backend
