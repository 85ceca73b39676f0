// Package rtc makes the lanes of a transfer: each is a WebRTC connection with one data channel.
//
// One certificate serves all lanes of a transfer, and the handshake has told both sides the other's fingerprint: a session description
// with any other one ends the transfer, so that nobody between the two, the server included, can take a lane over.
//
// Lanes are negotiated by Steps that travel through signaling. The side that opened the transfer offers; candidates trickle. A lane that is
// lost is not mended: a new one is made, with a number of its own.
package rtc
