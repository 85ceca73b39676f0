package signaling

import (
	"context"
	"crypto/rand"
	"net/netip"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

// hashPassword returns what a room keeps of its password. An empty one stays empty.
func (s *Server) hashPassword(ctx context.Context, password string) (hash string, err error) {
	if password == "" {
		return "", nil
	}
	var salt [auth.SaltSize]byte
	_, _ = rand.Read(salt[:]) // never fails (crypto/rand)
	if !s.hash(ctx, func() { hash, err = auth.HashPassword(password, salt) }) {
		return "", ctx.Err()
	}
	return hash, err
}

// hash runs what takes its time and memory one at a time, never in an actor, and reports whether it has.
func (s *Server) hash(ctx context.Context, f func()) bool {
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
		f()
		return true
	case <-ctx.Done():
		return false
	}
}

var wrongPassword = &protocol.Error{Code: protocol.CodePassword, Message: "the room has a password, and this is not it", Hint: "Give the password that you were told."}

// checkPassword compares a password with a room's. How often may be tried is bounded for each address in a room, and for the room.
func (s *Server) checkPassword(ctx context.Context, from netip.Addr, roomID, hash, password string) error {
	if password == "" {
		return &protocol.Error{Code: protocol.CodePassword, Message: "the room has a password", Hint: "Give the password that you were told."}
	}
	now := time.Now()
	if wait, ok := s.guesses.take(guessKey{roomID, from}, now); !ok {
		return tooFast(wait)
	}
	if wait, ok := s.guesses.take(guessKey{room: roomID}, now); !ok {
		return tooFast(wait)
	}
	var err error
	if !s.hash(ctx, func() { err = auth.CheckPassword(hash, password) }) {
		return ctx.Err()
	}
	if err != nil {
		s.metrics.wrongPasswords.Inc()
		return wrongPassword
	}
	s.guesses.give(guessKey{roomID, from}) // only wrong ones count
	s.guesses.give(guessKey{room: roomID})
	return nil
}
