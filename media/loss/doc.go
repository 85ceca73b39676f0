// Package loss watches one incoming SSRC: it asks for what is missing and reports what was lost.
//
// A Generator finds gaps and says which sequence numbers to ask for again (generic NACK, RFC 4585 §6.2.1): after a short wait,
// because packets overtake each other; again after a round trip; not more than a few times; and not for what is too old to be of use.
// Stats keeps what a receiver report says (RFC 3550 §6.4.1, A.3, A.8).
//
// Sequence numbers are extended; see seq.Unwrapper.
//
// The package is pure: time is an argument, the time since some fixed moment. Nothing on the packet path allocates.
package loss
