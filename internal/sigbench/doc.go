// Command sigbench measures what signaling costs: the memory of sessions that say nothing, and the processor time of messages to
// everybody in a room. scripts/bench idle and scripts/bench fanout run it.
//
// The server, its clients and the one who asks are three processes, so that a figure of the server holds nothing of the clients. The
// server is the real one with the log in memory; beside it stands a bare one, which is a loop over gorilla's PreparedMessage and what one
// cannot do without. Ratios are of medians within one run: absolute figures say more about the machine.
//
//	process.go   a process of ours, and the orders that it takes
//	server.go    both servers, and what they say of themselves
//	media.go     what stands in for an SFU
//	clients.go   sessions that join, read, and count what comes
//	latency.go   how late it came
//	idle.go      bytes of a session
//	fanout.go    messages per CPU-second
//
// It needs Linux, which tells the memory of a process.
package main
