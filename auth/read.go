package auth

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"
)

// The longest texts that a token may have, in bytes.
const (
	maxIdentity = 256
	maxName     = 256 // 64 characters of four bytes
	maxRoom     = 65  // a room's id, or 64 of its characters and a '*'
	maxID       = 128
	maxIssuer   = 512
)

// MaxUses is the most that a token or an invite can count.
const MaxUses = math.MaxUint16

// read turns the payload of an authentic token into claims. own: one of our secrets has signed it.
func (k *Keyring) read(p map[string]json.RawMessage, own bool, now time.Time) (Claims, error) {
	var c Claims
	if err := k.readAudience(p); err != nil {
		return Claims{}, err
	}
	if err := readTexts(p, &c); err != nil {
		return Claims{}, err
	}
	if k.Issuer != "" && c.Issuer != k.Issuer {
		return Claims{}, fmt.Errorf("%w: %q, want %q", ErrIssuer, c.Issuer, k.Issuer)
	}
	if err := k.readTimes(p, &c, now); err != nil {
		return Claims{}, err
	}
	if c.Room == "" {
		// Tokens signed with our secret could always leave the room out to mean any. Those of an identity provider must not open
		// every room because it knows nothing of rooms.
		if !own {
			return Claims{}, fmt.Errorf(`%w: a token signed with a key must have "room"`, ErrNoRoom)
		}
		c.Room = AnyRoom
	}
	if err := readUses(p, &c); err != nil {
		return Claims{}, err
	}
	if err := readRights(p, &c); err != nil {
		return Claims{}, err
	}
	return c, nil
}

// readTexts decodes what is text, each within its bound.
func readTexts(p map[string]json.RawMessage, c *Claims) error {
	for _, field := range []struct {
		name  string
		limit int
		into  *string
	}{
		{"iss", maxIssuer, &c.Issuer}, {"sub", maxIdentity, &c.Identity}, {"name", maxName, &c.Name},
		{"room", maxRoom, &c.Room}, {"jti", maxID, &c.ID},
	} {
		value, err := text(p, field.name, field.limit)
		if err != nil {
			return err
		}
		*field.into = value
	}
	return nil
}

// readAudience checks "aud".
func (k *Keyring) readAudience(p map[string]json.RawMessage) error {
	want := k.Audience
	if want == "" {
		want = Audience
	}
	audiences, err := audience(p)
	if err != nil {
		return err
	}
	if !slices.Contains(audiences, want) {
		return fmt.Errorf("%w: %.128q, want %q", ErrAudience, audiences, want)
	}
	return nil
}

// audience decodes "aud", which is a text or a list of them (RFC 7519 §4.1.3).
func audience(p map[string]json.RawMessage) ([]string, error) {
	audiences, _, err := member[[]string](p, "aud")
	if err == nil {
		return audiences, nil
	}
	one, _, err := member[string](p, "aud")
	return []string{one}, err
}

// readTimes checks "exp" and "nbf" with the leeway.
func (k *Keyring) readTimes(p map[string]json.RawMessage, c *Claims, now time.Time) error {
	leeway := min(max(k.Leeway, 0), MaxLeeway)
	if k.Leeway == 0 {
		leeway = Leeway
	}
	expires, there, err := date(p, "exp")
	if err != nil {
		return err
	} else if !there {
		return ErrNoExpiry
	}
	if !now.Before(expires.Add(leeway)) {
		return fmt.Errorf("%w: at %s", ErrExpired, expires.UTC().Format(time.RFC3339))
	}
	c.Expires = expires
	begins, there, err := date(p, "nbf")
	if err != nil {
		return err
	}
	if there {
		c.NotBefore = begins
		if now.Before(begins.Add(-leeway)) {
			return fmt.Errorf("%w: from %s", ErrNotYetValid, begins.UTC().Format(time.RFC3339))
		}
	}
	return nil
}

// date decodes a NumericDate (RFC 7519 §2): seconds since 1970, with a fraction if need be, until the year 9999.
func date(p map[string]json.RawMessage, name string) (time.Time, bool, error) {
	const last = 253402300799
	seconds, there, err := member[float64](p, name)
	if err == nil && there && (seconds < 0 || seconds > last) {
		err = fmt.Errorf("%w: %q is out of range", ErrMalformed, name)
	}
	if err != nil || !there {
		return time.Time{}, there, err
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), true, nil
}

func readUses(p map[string]json.RawMessage, c *Claims) error {
	uses, there, err := member[float64](p, "uses")
	switch {
	case err != nil:
		return err
	case !there:
		return nil
	case uses < 1 || uses > MaxUses || uses != math.Trunc(uses):
		return fmt.Errorf(`%w: "uses" is not a whole number from 1 to %d`, ErrMalformed, MaxUses)
	case c.ID == "":
		return fmt.Errorf(`%w: "uses" cannot be counted without "jti"`, ErrMalformed)
	}
	c.Uses = int(uses)
	return nil
}

// readRights decodes grants and role. Tokens from before there were roles have none: with the grant admin they moderated.
func readRights(p map[string]json.RawMessage, c *Claims) error {
	names, _, err := member[[]string](p, "grants")
	if err != nil {
		return err
	}
	c.Grants, _ = ParseGrants(names)
	role, there, err := member[string](p, "role")
	switch {
	case err != nil:
		return err
	case !there && c.Admin:
		c.Role = RoleHost
	case !there:
		c.Role = RoleMember
	case !Role(role).Valid():
		return fmt.Errorf("%w: %.64q, want one of %v", ErrRole, role, Roles)
	default:
		c.Role = Role(role)
	}
	return nil
}
