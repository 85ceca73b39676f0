// Package certfile serves a TLS certificate from two PEM files and notices when they are renewed.
//
// Programs that renew certificates (certbot, acme.sh, cert-manager) replace the files and expect the server to follow. A Pair looks
// at the files during handshakes, at most once per checkEvery, and takes the new certificate for the handshakes that follow. A
// renewal that cannot be loaded, say because only one of the files has been written yet, leaves the old certificate in
// use and is logged. It has no goroutine and nothing to close.
package certfile
