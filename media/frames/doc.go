// Package frames makes frames of RTP packets, as a file wants them.
//
// An Assembler takes the packets of one source, in any order, and gives its frames in order:
//
//	packets ──► window by sequence number ──► payload descriptor off (pion/rtp) ──► frame, ended by the marker or the next timestamp
//
// What is lost is waited for as long as a retransmission may take, then left out. Video goes on at the next keyframe, as what
// lies between would be decoded from pictures that are not there; Wants tells that one is needed.
//
//	codec   a frame is                                          RFC
//	Opus    one packet                                          7587
//	VP8     the frame                                           7741
//	VP9     the frame; of several spatial layers one after another   9628
//	H264    NAL units, each after its length in 4 octets        6184
//	AV1     OBUs with sizes, without the temporal delimiter     AV1 RTP spec
//
// Describe reads from a keyframe what the head of a file says: the size, and the codec's private data. Frames that are encrypted
// end to end pass, but a file of them plays nowhere.
//
// The package is pure: time is an argument. All bytes come from strangers.
package frames
