// Package slots decides who is shown and heard in which slot of one viewer.
//
// A viewer has pairs (a video slot and the audio slot that belongs to it) and spare audio slots. Assign fills them from
// what the room's members send:
//
//   - Nobody is given twice, and never the viewer's own source.
//   - Screens come first, then cameras by the viewer's wishes (priority), then speakers, then whoever is there already, then join order.
//   - Who has a slot keeps that slot, unless someone before them in that order needs it.
//   - A camera brings its microphone into the pair, a screen its sound.
//   - Other microphones go to spare audio slots, then to the audio of pairs that have none of their own. While there
//     are enough, everybody is audible; otherwise the speakers, and then those who spoke last.
//
// The package is pure and runs when something changes, not per packet.
package slots
