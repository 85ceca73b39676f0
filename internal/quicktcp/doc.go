// Package quicktcp reads and writes TCP connections without telling the Go scheduler. A read or write that can't block takes a few
// microseconds, and to give up the processor around it and take it back costs as much again: on a busy server with few processors the
// scheduler's watchdog takes the processor away in between and wakes another thread for it, for every packet.
//
// Waiting is the scheduler's as ever: deadlines and Close work as they do on any connection. Where this can't be had Wrap returns what it
// was given.
package quicktcp
