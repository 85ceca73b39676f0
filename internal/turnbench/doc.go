// Command turnbench measures the relay beside others: what a relayed packet and an allocation cost. scripts/bench turn runs it.
//
// Every load runs against each server in turn (ours, coturn, a stock pion/turn server, and for the ceiling a forwarder that knows no
// protocol), and all of that again, as often as asked; the medians are compared. The server is pinned to one processor and
// the generator to another. What counts is packets relayed per second of the server's processor time, of which the kernel tells, and
// ratios within one run: absolute figures say more about the machine than about the programs.
//
//	server.go       starts and pins a server, and asks the kernel what it has used
//	stock.go        the smallest server on pion/turn
//	forwarder.go    the ceiling: the same system calls without a protocol
//	session.go      a client's allocation and channel
//	datagrams.go    the load over UDP, and what came of it
//	streams.go      the load over TCP and TLS
//	loads.go        the rows of the table
//
// It needs 64-bit Linux, and root for the row over veth.
package main
