// Package seq gives a slot one unbroken RTP stream, whatever sources feed it.
//
// A slot has one SSRC for life. Its Rewriter maps the sequence numbers, timestamps and picture ids of the source that
// feeds it now; at a Switch (another participant, another simulcast layer, the end of a pause) the new source continues
// where the old one ended. A packet that is not forwarded leaves no gap, a packet that was lost on its way to us does,
// so that it still fits in when it comes late. The way back (which packet of which source was sent as n?) answers NACKs.
//
//	source   100 101 102 103 105 106 104          102 is not forwarded, 104 comes late
//	slot       7   8       9  11  12  10
//
// Sequence numbers of sources are extended (RFC 3550 A.1): an Unwrapper per source makes them once, at the receiver.
//
// The package is pure: time is an argument, the time since some fixed moment. Nothing on the packet path allocates
// after the first packet.
package seq
