// Package transfer is the root of file transfer: files go from peer to peer over data channels, never through the server.
//
//	content  P  what is sent: blocks, Merkle trees, the offer's entries, safe paths, bitmaps
//	wire     P  what lanes carry: binary frames and control messages
//	plan     P  what a receiver asks whom for next: windows, lanes, stripes
//	session     a sender and a receiver on lanes of any kind
//	rtc         lanes that are WebRTC data channels
//
// docs/file-transfer.md is the wire format. The vectors in testdata are read by the tests here and by those of the TypeScript side.
package transfer
