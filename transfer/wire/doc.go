// Package wire is what travels on the lanes of a transfer: binary frames and control messages.
//
// Binary messages are big-endian:
//
//	DATA     1  file u32  offset u64  payload (1 to 65536 bytes)
//	REQUEST  2  file u32  offset u64  length u32        a range within one block
//	HAVE     3  file u32  first u32   bitmap            first is a multiple of 8; most significant bit first; 1 to 8192 bytes
//	CANCEL   4  file u32  offset u64  length u32        as in the REQUEST
//	ASK      5  file u32  first u32   count u32         leaves are wanted: 1 to 1024
//	HASHES   6  file u32  first u32   leaves            32 bytes each: 1 to 1024
//
// Text messages are control: one JSON object with a "t". A reader skips a "t" that it does not know and ignores fields that it does
// not know; everything else that is not as described here is an error, which ends the transfer with the code bad-message.
//
// The package is pure.
package wire
