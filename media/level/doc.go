// Package level tells who speaks, from the audio levels in RTP header extensions (RFC 6464).
//
// A Detector belongs to a room. Attack is fast, release is slow: two packets above the threshold make a speaker, so that an
// audio slot opens within 40 ms and the first syllable is not cut; a speaker stays one for two seconds of silence, so
// that pauses between words move nobody. The order is by smoothed loudness, and only a clear difference changes it.
//
// The package is pure: time is an argument, the time since some fixed moment. Observe does not allocate for a known source.
package level
