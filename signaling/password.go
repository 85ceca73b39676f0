package signaling

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// passwordRounds is what OWASP's Password Storage Cheat Sheet wants of PBKDF2-HMAC-SHA256: some 100 ms of one core.
const passwordRounds = 600_000

// hashPassword returns what a room keeps of its password: "pbkdf2$rounds$salt$sum". An empty one stays empty.
func (s *Server) hashPassword(ctx context.Context, password string) (string, error) {
	if password == "" {
		return "", nil
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	sum, err := s.derive(ctx, password, salt, passwordRounds)
	if err != nil {
		return "", err
	}
	enc := base64.RawStdEncoding
	return "pbkdf2$" + strconv.Itoa(passwordRounds) + "$" + enc.EncodeToString(salt) + "$" + enc.EncodeToString(sum), nil
}

// derive takes its time, so it is done for one at a time, and never in an actor.
func (s *Server) derive(ctx context.Context, password string, salt []byte, rounds int) ([]byte, error) {
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return pbkdf2.Key(sha256.New, password, salt, rounds, sha256.Size)
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
	parts := strings.Split(hash, "$")
	if len(parts) != 4 {
		return wrongPassword
	}
	rounds, err := strconv.Atoi(parts[1])
	salt, err2 := base64.RawStdEncoding.DecodeString(parts[2])
	want, err3 := base64.RawStdEncoding.DecodeString(parts[3])
	if err != nil || err2 != nil || err3 != nil || rounds < 1 || rounds > 10*passwordRounds {
		return wrongPassword
	}
	got, err := s.derive(ctx, password, salt, rounds)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(got, want) != 1 {
		s.metrics.wrongPasswords.Inc()
		return wrongPassword
	}
	s.guesses.give(guessKey{roomID, from}) // only wrong ones count
	s.guesses.give(guessKey{room: roomID})
	return nil
}
