// Package keyframe turns the wishes of many receivers into few picture loss indications (PLI, RFC 4585 §6.3.1).
//
// One Collapser belongs to one encoding of a source. Whoever cannot decode asks; the first wish becomes a PLI at once,
// others wait for the same keyframe. While someone waits and no keyframe comes, the PLI is repeated.
//
//	ask          ask ask                    ask
//	PLI ........ | ........ PLI ........... | ....... PLI
//	             within 300 ms: none        a keyframe came: nobody waits any more
//
// The package is pure: time is an argument, the time since some fixed moment.
package keyframe
