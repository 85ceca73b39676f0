// Package layer decides, packet by packet, which encoding and which layers of a track one slot gets.
//
// A track sends up to four encodings (RIDs, RFC 8853), 0 the smallest, each perhaps with spatial and temporal layers. A
// slot has a target; its Selector goes there at the next keyframe of the target and keeps the present encoding flowing
// until then. Inside an encoding it goes down at the start of any frame; up in time where a frame says that its layer may be
// joined (VP8: Y; VP9: U; dependency descriptor: a switch indication) or at a keyframe; up in space at a keyframe.
//
// Pick translates a wish in pixels to an encoding; Activity knows which encodings arrive at all.
//
// The package is pure: no clock, socket, lock, goroutine or log; Select does not allocate.
package layer
