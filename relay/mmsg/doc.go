// Package mmsg moves UDP datagrams in batches through raw Linux system calls: recvmmsg with UDP_GRO, sendmmsg with
// UDP_SEGMENT, and epoll. It allocates nothing per datagram and never blocks its thread but in Poll.
//
//	Rx  a set of receive slots; Recv fills some from one socket. A slot may hold several datagrams of one size, coalesced
//	    by the kernel (Segment).
//	Tx  a set of messages to be sent from one socket. Neighbours for one destination, equal in length but for the last, become one
//	    message that the kernel or the network card cuts again. Datagrams are gathered from where they lie: a short head is
//	    copied, the body is not.
//
// Where a device refuses a message to be cut (EIO, EINVAL), Tx sends its datagrams one by one and remembers the destination.
//
// The calls are raw: they don't tell the Go scheduler. For calls that don't wait this saves 10 to 15 % of their cost. Rx and Tx
// belong to one goroutine each. Buffers lie outside the Go heap, so that they don't make the garbage collector wait for more.
//
// On systems other than 64-bit Linux the package is empty, and the relay takes the portable path.
package mmsg
