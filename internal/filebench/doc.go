// Command filebench measures file transfer between two processes in network namespaces, beside a bare flood over as many data channels of as
// many connections, in the same run. scripts/bench files runs it. It needs Linux, root and /dev/net/tun.
//
//	peer ── namespace a ── tun ── link (rate, delay, queue, loss) ── tun ── namespace b ── peer
//
// The link is this process: it reads packets of one tun and writes them to the other when they are due. Signaling is lines over pipes.
package main
