package main

import (
	"crypto/rand"
	"strings"
)

// The words of a room's name are short, kind and easy to say on the phone.
var (
	adjectives = strings.Fields("amber brave brisk calm clever cosy early fair gentle glad golden green happy jolly keen kind lively lucky mellow merry noble polar quick quiet rapid royal silver sunny swift tidy warm witty")
	nouns      = strings.Fields("badger beaver cedar comet crane dolphin falcon fern finch forest harbor hazel heron island lantern lark maple meadow moose otter owl panda pebble puffin raven river robin salmon sparrow tiger walnut willow")
)

// roomName returns a name nobody guesses: in an open house the link is the key. Two words of 32 and 6 letters of 32 make 40 bits.
func roomName() string {
	const letters = "abcdefghijkmnpqrstuvwxyz23456789" // without l, o, 0, 1, which look alike
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails (crypto/rand)
	tail := make([]byte, 6)
	for i := range tail {
		tail[i] = letters[random[2+i]%32]
	}
	return adjectives[random[0]%32] + "-" + nouns[random[1]%32] + "-" + string(tail)
}
