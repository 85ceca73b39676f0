// Package sdpfrag reads and writes the SDP fragments (RFC 8840 §9) by which WHIP and WHEP clients trickle candidates and
// restart ICE over HTTP PATCH, and turns a restart into the complete offer that the media engine answers.
//
// It knows a description as lines, no more: what it does not change, it passes on byte for byte. It is pure.
package sdpfrag
