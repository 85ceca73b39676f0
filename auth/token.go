package auth

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// wire is the JSON of a token that we mint. Grants are absent when false, so a token minted by a stranger grants nothing by accident.
type wire struct {
	jwt.RegisteredClaims
	Room   string   `json:"room"`
	Name   string   `json:"name,omitempty"`
	Role   Role     `json:"role,omitempty"`
	Grants []string `json:"grants,omitempty"`
	Uses   int      `json:"uses,omitempty"`
}

// Sign mints a join token with HS256, for Audience.
func Sign(secret []byte, c Claims, now time.Time) (string, error) {
	if len(secret) < MinSecret {
		return "", ErrSecret
	}
	return sign(jwt.SigningMethodHS256, "", secret, Audience, c, now)
}

// Sign mints a join token with the key. audience: empty is Audience. The header names the key by its id.
func (s *Signer) Sign(c Claims, audience string, now time.Time) (string, error) {
	if audience == "" {
		audience = Audience
	}
	return sign(methods[s.key.Algorithm], s.key.ID, s.private, audience, c, now)
}

// sign fails for claims that no verifier would take.
func sign(method jwt.SigningMethod, kid string, key any, audience string, c Claims, now time.Time) (string, error) {
	if c.Expires.IsZero() {
		c.Expires = now.Add(DefaultLifetime)
	}
	if err := mintable(c, now); err != nil {
		return "", err
	}
	w := wire{
		RegisteredClaims: jwt.RegisteredClaims{
			Audience:  jwt.ClaimStrings{audience},
			Issuer:    c.Issuer,
			Subject:   c.Identity,
			ID:        c.ID,
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(c.Expires),
		},
		Room: c.Room, Name: c.Name, Role: c.Role, Grants: c.Grants.Names(), Uses: c.Uses,
	}
	if !c.NotBefore.IsZero() {
		w.NotBefore = jwt.NewNumericDate(c.NotBefore)
	}
	unsigned := jwt.NewWithClaims(method, w)
	if kid != "" {
		unsigned.Header["kid"] = kid
	}
	token, err := unsigned.SignedString(key)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	if len(token) > MaxToken {
		return "", fmt.Errorf("%w: %d bytes, more than %d", ErrTooLarge, len(token), MaxToken)
	}
	return token, nil
}

// mintable says what is wrong with claims, in the words of whoever mints.
func mintable(c Claims, now time.Time) error {
	switch {
	case c.Room == "":
		return fmt.Errorf("%w: give a room, or %q for all of them", ErrNoRoom, AnyRoom)
	case len(c.Room) > maxRoom || strings.Contains(strings.TrimSuffix(c.Room, "*"), "*"):
		return fmt.Errorf("room %.80q: want a room's id, a prefix that ends with '*', or %q", c.Room, AnyRoom)
	case c.Role != "" && !c.Role.Valid():
		return fmt.Errorf("role %.64q: want one of %v", c.Role, Roles)
	case len(c.Identity) > maxIdentity || len(c.Name) > maxName || len(c.ID) > maxID || len(c.Issuer) > maxIssuer:
		return fmt.Errorf("identity, name, id and issuer have at most %d, %d, %d and %d bytes", maxIdentity, maxName, maxID, maxIssuer)
	case c.Uses < 0 || c.Uses > MaxUses:
		return fmt.Errorf("uses %d: want at most %d", c.Uses, MaxUses)
	case c.Uses > 0 && c.ID == "":
		return errors.New("uses are counted under the token's id: give one")
	case !c.Expires.After(now) || !c.Expires.After(c.NotBefore):
		return errors.New("token would never be valid: it expires before it begins")
	}
	return nil
}
