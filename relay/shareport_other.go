//go:build !linux

package relay

import "syscall"

// sharePort does nothing where two sockets can't have one port: an allocation can be connected to there, and Connect answers 447.
func sharePort(_, _ string, _ syscall.RawConn) error { return nil }
