// Command gen writes what others read of the signaling protocol: web/sdk/src/protocol.gen.ts and docs/protocol.md.
//
// Names, comments and constants come from the source of package protocol by go/ast; which struct is which message comes
// from its table. go generate ./signaling/protocol runs it; its test fails while a written file is not up to date.
package main
