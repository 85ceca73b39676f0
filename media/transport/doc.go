// Package transport carries the encrypted media of many peers over one UDP socket, and leaves ICE, DTLS and SCTP to pion.
//
//	                 ┌► iceConn ► pion (ICE, DTLS, SCTP)       STUN for a known ufrag, responses to our checks, DTLS
//	socket ► Mux.Run ┼► Transport.deliver ► Handler            SRTP and SRTCP of an address that a peer has proved to own
//	                 └► Relay ► the TURN server                all other STUN, ChannelData, DTLS of strangers
//	socket ◄ udp.Tx ◄ Transport.WriteRTP, WriteRTCP            encrypted straight into the send batch
//	       ◄ iceConn, Relay                                    at once
//
// # Who gets a datagram
//
// It is decided per datagram, by its first bytes (RFC 7983, RFC 9443), and not per address: a browser that is a TURN client of ours
// uses one socket for that and for its ICE checks. A Binding request goes to the agent whose ufrag it names; without
// a USERNAME it is a plain question to the STUN server, which is the relay's. A Binding response goes to the candidate that
// sent the check. Media and DTLS carry no name, so they go by address.
//
// An address belongs to the Transport for which pion has answered an authenticated check from there. While its owner is heard it
// can't be taken over, so nobody can divert another's media by naming or forging an address; when the owner has been silent for
// some seconds, or was closed, it is free. Ownership belongs to the Transport and not to its ICE credentials: during an ICE
// restart the old path carries media both ways until pion has selected a new pair. (pion itself gives up the old
// credentials at once, so consent checks of the old path fail for the fraction of a second that the restart takes.) Two peers
// can't share one remote address: of a client with several connections, each needs a port of its own, as browsers do it.
//
// # Keys
//
// SRTP keys are exported from pion's DTLS handshake (keys.go). pion derives the same keys for sessions of its own, which stay idle:
// nothing of media ever reaches them, and nothing may be sent through them, because two SRTP contexts that send with one key
// repeat nonces and so give the key away. Therefore there are no interceptors, nobody calls PeerConnection.WriteRTCP or writes to
// a TrackLocal's WriteStream, and what pion should try to send nevertheless is dropped and counted (MuxStats.ForeignMedia). We are
// always the DTLS server, because the server chooses the SRTP profile: AES-GCM. The version is DTLS 1.2; if the keys can't be
// derived the Transport fails with an error that says so.
//
// # Goroutines and ownership
//
// Mux.Run is the only goroutine here; Handlers are called on it, for all peers, and must not block. A Transport is written to by
// exactly one goroutine, with one udp.Tx, which that goroutine flushes. pion's goroutines belong to its PeerConnection and
// have ended when Transport.Close returns. Received buffers belong to the socket and are valid during the Handler's call;
// Headroom bytes in front are free, for a rewritten RTP header.
//
// The portable path of package udp serves where batching is not to be had; nothing above it differs.
package transport
