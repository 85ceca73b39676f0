// Package bundle turns the sources of the web app into the files of web/dist.
//
// Build returns the files in memory; Write and Compare bring them to a directory or hold them against one. Digest is the
// part that needs no Node: it sums up the sources, and a stale bundle is one whose recorded digest is another.
package bundle
