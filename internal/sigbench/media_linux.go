package main

import (
	"context"

	"github.com/confab/confab/signaling"
	"github.com/confab/confab/signaling/protocol"
)

// noMedia lets a room be larger than peer to peer allows. Nobody connects to it: it is signaling that is measured.
type noMedia struct{}

// Connect implements signaling.Media.
func (noMedia) Connect(signaling.MediaPeerOptions) (signaling.MediaPeer, error) {
	return noMedia{}, nil
}

// Negotiate implements signaling.MediaPeer, as do the others.
func (noMedia) Negotiate(context.Context, signaling.MediaOffer) (string, error) {
	return "", signaling.ErrBadSDP
}
func (noMedia) AddCandidate(string, int, string) error { return nil }
func (noMedia) SetView([]protocol.Want)                {}
func (noMedia) SetState(protocol.State)                {}
func (noMedia) Close()                                 {}
