package auth

import (
	"encoding/json"
	"strings"
)

// Unverified is what a token says of itself. Nobody has vouched for it: it is for showing to whoever holds the token, and never for a
// decision.
type Unverified struct {
	Invite    bool   // an invite, and not a JWT
	Algorithm string // as the header has it
	KeyID     string
	Audience  []string
	Claims    Claims // Role and Room as Verify would fill them in for a token signed with a secret; times are zero when absent
}

// Inspect reads a token or an invite without verifying anything. Its errors are those of Verify about the form.
func Inspect(token string) (Unverified, error) {
	token = strings.TrimSpace(token)
	if IsInvite(token) {
		content, _, err := splitInvite(token)
		if err != nil {
			return Unverified{}, err
		}
		i, err := readInvite(content)
		return Unverified{Invite: true, Claims: i.Claims()}, err
	}
	t, err := split(token)
	if err != nil {
		return Unverified{}, err
	}
	var u Unverified
	if u.Algorithm, err = text(t.header, "alg", 16); err != nil {
		return Unverified{}, err
	}
	if u.KeyID, err = text(t.header, "kid", maxKeyID); err != nil {
		return Unverified{}, err
	}
	if u.Audience, err = audience(t.payload); err != nil {
		return Unverified{}, err
	}
	if u.Claims, err = inspectClaims(t.payload); err != nil {
		return Unverified{}, err
	}
	return u, nil
}

func inspectClaims(p map[string]json.RawMessage) (c Claims, err error) {
	if c.Expires, _, err = date(p, "exp"); err != nil {
		return c, err
	}
	if c.NotBefore, _, err = date(p, "nbf"); err != nil {
		return c, err
	}
	for _, read := range []func(map[string]json.RawMessage, *Claims) error{readTexts, readUses, readRights} {
		if err := read(p, &c); err != nil {
			return c, err
		}
	}
	if c.Room == "" {
		c.Room = AnyRoom
	}
	return c, nil
}
