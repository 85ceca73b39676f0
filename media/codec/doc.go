// Package codec reads what a packet shows without opening its frame, and writes the header of the packet that goes on.
//
// One Parser belongs to one incoming SSRC. It reads the RTP header (RFC 3550 §5.1), the negotiated header extensions
// (RFC 8285, one- and two-byte form) and the payload descriptor of the codec:
//
//	Opus   nothing                                     RFC 7587
//	VP8    descriptor: picture id, TL0PICIDX, TID, Y   RFC 7741 §4.2
//	VP9    descriptor: picture id, layers, SS          RFC 9628 §4.2
//	H264   NAL unit type, STAP-A, FU-A                 RFC 6184 §5
//	AV1    aggregation header: the N bit               AV1 RTP spec §4.4
//	any    dependency descriptor extension             AV1 RTP spec, appendix A
//
// The dependency descriptor, when it is there, wins over the payload: it stays readable when frames are encrypted end to
// end. Without it the payload descriptor speaks; the first octet of a VP8 frame and the NAL header of H264 are looked at
// only then.
//
// A forwarded packet is a prefix and the untouched rest of the payload:
//
//	[ RTP header | extensions | descriptor ] [ rest of the payload, shared by all receivers ]
//	  AppendHeader              AppendDescriptor   packet[Payload+Descriptor : End]
//
// The package is pure: no clock, socket, lock, goroutine or log; nothing on the packet path allocates.
package codec
