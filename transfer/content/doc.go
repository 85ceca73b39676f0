// Package content names and checks what a transfer carries.
//
// A file is a row of blocks of 1 MiB, the last one shorter. The hash of a block is a leaf, and the root of the tree over a file's
// leaves (RFC 9162 §2.1.1 with SHA-256) names the file. A content is a list of entries, which are files and empty folders; the
// root of the tree over them names it all. Resume, swarms and history know contents by that root, never by names.
//
//	content root ── entry: path, size, root ── leaf 0, leaf 1, … ── blocks
//
// Paths in an offer come from a stranger. Names turns them into paths that stay inside the receiver's folder on every system,
// or refuses them. The package is pure.
package content
