// Package record writes what a room sends to files: each track as it comes, without decoding it.
//
//	engine ──packets──► Input (one goroutine per track) ──► frames.Assembler ──► clock ──► WebM or Matroska file
//	                                                                              └───────► manifest.jsonl
//
// A recording is a folder. manifest.jsonl has one JSON object a line, each with "type" and "at", milliseconds since the recording began:
//
//	start      room, time (RFC 3339)
//	name       participant, name
//	track      file, participant, source, codec, width, height; at is the time of the file's first frame
//	track-end  file, frames, lost (packets), at is the time of the last frame
//	speakers   participants who speak, loudest first
//	mute       participant, sources that are on
//	end        reason, bytes
//
// Tracks are aligned by their senders' reports (RFC 3550 §6.4.1): a frame's time is that of the wall clock at its capture, as the server sees
// it. Until the first report, at most firstReport, frames wait in memory; without one the time of arrival counts.
//
// Files are written as the frames come and have no part that is only written at the end, so what was written when the process
// was killed plays. They are synced every few seconds. What cannot be written ends the recording with a reason, and never the call.
//
// Of a simulcast source the largest layer that comes is recorded; the file's pictures change their size where the layer changes. A codec that
// changes, or parameter sets of H264 that do, begin another file.
//
// Compose makes one Matroska file of a folder, with a track of each of its files.
package record
