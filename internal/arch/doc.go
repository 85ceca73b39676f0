// Package arch holds the rules of the house as tests; it has no code of its own.
//
//   - Arrows point inward: every package is listed with what it may import of ours, and with whether it may import pion, which only
//     media and relay speak. A package that is not listed fails, so that its place is a decision.
//   - Pure packages have no clock, socket, lock, goroutine, channel, log or randomness. Time and packets are arguments.
//   - Every package tells its story in a package comment.
//   - A file is one idea: it has a length that one can read.
//   - Nothing is left lying about: no notes to oneself, no path of somebody's machine.
//
// A rule that is in the way is changed here, in the open, with its reason; it is not worked around.
package arch
