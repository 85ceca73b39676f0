package auth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Audience is the "aud" of every join token. A token that was minted for another service is refused even if it was
// signed with the same secret.
const Audience = "confab"

// Leeway is how far the clocks of the one who mints and the one who verifies may differ.
const Leeway = 30 * time.Second

// MinSecret is the shortest secret that Sign and Verify accept, in bytes: 128 bits.
const MinSecret = 16

// maxToken bounds what is parsed at all, in bytes; a token with every field at its limit has under 1 KiB.
const maxToken = 4096

// Why a token is refused. Verify's errors match exactly one of them with errors.Is.
var (
	ErrMalformed   = errors.New("token is malformed")
	ErrSignature   = errors.New("token signature is wrong")
	ErrExpired     = errors.New("token has expired")
	ErrNotYetValid = errors.New("token is not valid yet")
	ErrAudience    = errors.New("token is for another audience")
	ErrSecret      = errors.New("secret is shorter than 16 bytes")
)

// Claims are what a join token says about its bearer.
type Claims struct {
	Room     string // room id the bearer may enter; empty: any room
	Identity string // who the bearer is for the issuer; stable over sessions; may be empty
	Name     string // display name; when not empty it replaces the name the client asks for

	Publish   bool // may send audio and video
	Subscribe bool // may receive audio and video
	Chat      bool // may write to the chat
	Data      bool // may send on data channels
	Admin     bool // may moderate the room

	NotBefore time.Time // zero: valid at once
	Expires   time.Time // zero: Sign gives it DefaultLifetime; never zero after Verify
}

// DefaultLifetime is that of a token signed without Expires.
const DefaultLifetime = 6 * time.Hour

// Participant returns claims with every grant that an ordinary participant has: all but Admin.
func Participant(room, name string) Claims {
	return Claims{Room: room, Name: name, Publish: true, Subscribe: true, Chat: true, Data: true}
}

// wire is the JSON of a token. Grants are absent when false, so a token minted by a stranger grants nothing by accident.
type wire struct {
	jwt.RegisteredClaims
	Room   string   `json:"room,omitempty"`
	Name   string   `json:"name,omitempty"`
	Grants []string `json:"grants,omitempty"`
}

// grants pairs each wire name with its field.
func (c *Claims) grants() []grant {
	return []grant{
		{"publish", &c.Publish}, {"subscribe", &c.Subscribe}, {"chat", &c.Chat}, {"data", &c.Data}, {"admin", &c.Admin},
	}
}

type grant struct {
	name string
	on   *bool
}

// Sign mints a join token. It fails with ErrSecret for a short secret and when the claims end before they begin.
func Sign(secret []byte, c Claims, now time.Time) (string, error) {
	if len(secret) < MinSecret {
		return "", ErrSecret
	}
	if c.Expires.IsZero() {
		c.Expires = now.Add(DefaultLifetime)
	}
	if !c.Expires.After(now) || !c.Expires.After(c.NotBefore) {
		return "", errors.New("token would never be valid: it expires before it begins")
	}
	w := wire{
		RegisteredClaims: jwt.RegisteredClaims{
			Audience:  jwt.ClaimStrings{Audience},
			Subject:   c.Identity,
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(c.Expires),
		},
		Room: c.Room,
		Name: c.Name,
	}
	if !c.NotBefore.IsZero() {
		w.NotBefore = jwt.NewNumericDate(c.NotBefore)
	}
	for _, g := range c.grants() {
		if *g.on {
			w.Grants = append(w.Grants, g.name)
		}
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, w).SignedString(secret)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return token, nil
}

// Verify checks signature, audience and times of a join token against each of the secrets and returns its claims.
// Unknown grants are ignored: they are of a later version. The error matches one of this package's Err values.
func Verify(secrets [][]byte, token string, now time.Time) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, fmt.Errorf("%w: more than %d bytes", ErrMalformed, maxToken)
	}
	var keys jwt.VerificationKeySet
	for _, s := range secrets {
		if len(s) >= MinSecret {
			keys.Keys = append(keys.Keys, s)
		}
	}
	if len(keys.Keys) == 0 {
		return Claims{}, ErrSecret
	}
	var w wire
	_, err := jwt.ParseWithClaims(strings.TrimSpace(token), &w, func(*jwt.Token) (any, error) { return keys, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithAudience(Audience),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(Leeway),
		jwt.WithTimeFunc(func() time.Time { return now }),
		jwt.WithStrictDecoding(),
	)
	if err != nil {
		return Claims{}, classify(err)
	}
	c := Claims{Room: w.Room, Identity: w.Subject, Name: w.Name, Expires: w.ExpiresAt.Time}
	if w.NotBefore != nil {
		c.NotBefore = w.NotBefore.Time
	}
	for _, g := range c.grants() {
		*g.on = slices.Contains(w.Grants, g.name)
	}
	return c, nil
}

// classify turns the library's joined errors into one of ours. The signature comes first: what an unsigned token says
// about its times is no one's business.
func classify(err error) error {
	for _, m := range []struct{ from, to error }{
		{jwt.ErrTokenSignatureInvalid, ErrSignature},
		{jwt.ErrTokenUnverifiable, ErrSignature},
		{jwt.ErrTokenMalformed, ErrMalformed},
		{jwt.ErrTokenInvalidAudience, ErrAudience},
		{jwt.ErrTokenExpired, ErrExpired},
		{jwt.ErrTokenNotValidYet, ErrNotYetValid},
	} {
		if errors.Is(err, m.from) {
			return fmt.Errorf("%w (%v)", m.to, err)
		}
	}
	return fmt.Errorf("%w (%v)", ErrMalformed, err)
}
