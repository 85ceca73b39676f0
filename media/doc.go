// Package media is the SFU: it receives each source once and forwards what each subscriber's slots show.
//
// # Who owns what
//
//		         receive loop (transport.Mux)            shards: one goroutine each
//		 UDP ──► decrypt ──► demux ──► batch ─────────►  home of the publisher:  loss, TWCC, RR, PLI, levels ──► its RTCP
//		                     SSRC→encoding     └──────►  each with subscribers:  ring, layer, seq ──► slots ──► encrypt ──► UDP
//		                     parsed once                       ▲
//		                                                       │ bindings
//		 signaling ──► Peer.Negotiate/SetView/SetState ──► room (one goroutine): who is in which slot, who speaks
//
//	  - An Engine has shards and rooms. A room has peers; a Peer has one connection at a time, an encryption context with
//	    exactly one shard that writes to it (its home).
//	  - A track is one source of a peer (microphone, camera, …); it has encodings (simulcast, RFC 8853), each an incoming SSRC.
//	  - demux belongs to the receive loop. It learns which SSRC is which encoding: from the SDP, or from the MID and RID
//	    header extensions (RFC 8843 §9.2, RFC 8852), unwraps RTX (RFC 4588), parses, and posts one batch of packets to all shards
//	    concerned. A batch is shared, immutable and counted by references.
//	  - upstream belongs to the home shard: everything that is told to the publisher.
//	  - feed is a shard's view of a track: a ring per encoding with its own copy of the packets (one copy per shard and not
//	    per subscriber, so that no ring is shared and no lock is needed), and the senders that it feeds.
//	  - sender is a slot: layer.Selector → seq.Rewriter → prefix → transport. One SSRC for life, whatever it shows.
//	  - room decides with the pure packages slots and level, and hands the outcome to the shards as messages.
//
// Queues between them are bounded; what does not fit is dropped and counted (media_dropped_packets_total{reason}).
// Bindings are few and never dropped.
//
// # Negotiation
//
// The client offers, the server answers, always. Package answer does the media part of SDP; pion does ICE, DTLS and
// SCTP and never sees a media section (see answer's story for why). RTP and RTCP are ours in both directions.
//
// # Data channels
//
// A client opens channels labelled "reliable" (ordered) and "lossy" (unordered, no retransmissions). What it sends in one
// reaches the same channel of everybody else in the room as a binary message:
//
//	byte 0      bit 0: the payload is text
//	byte 1      n, length of the sender's participant id
//	2 … 1+n     the id
//	rest        the payload: at most 60 KiB
//
// A lossy channel whose receiver does not keep up drops messages; a reliable one is closed, as it could neither drop nor
// wait. Nothing is stored.
package media
