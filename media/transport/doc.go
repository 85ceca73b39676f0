// Package transport carries the encrypted media of many peers over one UDP socket, and leaves ICE, DTLS and SCTP to pion.
package transport
