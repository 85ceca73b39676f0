package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Invite lets people into one room, under a role and with grants, until it expires or is used up.
type Invite struct {
	ID      [8]byte // random; uses are counted under it, and it is how an invite can be withdrawn
	Room    string  // or a prefix, or AnyRoom, as in Claims
	Role    Role
	Grants  Grants
	Expires time.Time // whole seconds, until the year 2106
	Uses    int       // how many joins, at most MaxUses; 0: as many as come
}

// invitePrefix tells an invite from a JWT, and is the version.
const invitePrefix = "inv1."

// inviteMAC is how much of the HMAC an invite carries, in bytes: 128 bits, as RFC 2104 §5 allows, to keep links short.
const inviteMAC = 16

// inviteHead is how long the fixed part is, in bytes: ID, expiry, uses, grants, role.
const inviteHead = 8 + 4 + 2 + 2 + 1

// IsInvite reports whether text is an invite and not a JWT; it says nothing about whether it is a good one.
func IsInvite(text string) bool { return strings.HasPrefix(text, invitePrefix) }

// MintInvite writes an invite that OpenInvite opens with the same secret. The text fits into the fragment of a link as it is;
// for a room of n characters it has 49 + 4n/3 characters.
//
//	inv1. base64url( ID 8 | expiry 4 | uses 2 | grants 2 | role 1 | room … | HMAC-SHA256 16 )
func MintInvite(secret []byte, i Invite, now time.Time) (string, error) {
	if len(secret) < MinSecret {
		return "", ErrSecret
	}
	unix := i.Expires.Unix()
	switch {
	case i.Room == "" || len(i.Room) > maxRoom || strings.Contains(strings.TrimSuffix(i.Room, "*"), "*"):
		return "", fmt.Errorf("%w: give a room's id, a prefix that ends with '*', or %q", ErrNoRoom, AnyRoom)
	case !i.Role.Valid():
		return "", fmt.Errorf("role %.64q: want one of %v", i.Role, Roles)
	case !i.Expires.After(now) || unix != int64(uint32(unix)):
		return "", errors.New("the invite expires before now, or after the year 2106")
	case i.Uses < 0 || i.Uses > MaxUses:
		return "", fmt.Errorf("uses %d: want at most %d", i.Uses, MaxUses)
	}
	b := append(make([]byte, 0, inviteHead+len(i.Room)+inviteMAC), i.ID[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(unix))
	b = binary.BigEndian.AppendUint16(b, uint16(i.Uses))
	b = binary.BigEndian.AppendUint16(b, i.Grants.bits())
	b = append(b, byte(i.Role.rank()))
	b = append(b, i.Room...)
	return invitePrefix + base64.RawURLEncoding.EncodeToString(append(b, inviteSum(secret, b)...)), nil
}

// OpenInvite verifies an invite against each of the secrets. Its errors are those of Verify.
func OpenInvite(secrets [][]byte, text string, now time.Time) (Invite, error) {
	content, sum, err := splitInvite(strings.TrimSpace(text))
	if err != nil {
		return Invite{}, err
	}
	if err := inviteAuthentic(secrets, content, sum); err != nil {
		return Invite{}, err
	}
	i, err := readInvite(content)
	if err == nil && !now.Before(i.Expires) { // no leeway: whoever mints and whoever opens are the same server
		err = fmt.Errorf("%w: at %s", ErrExpired, i.Expires.UTC().Format(time.RFC3339))
	}
	if err != nil {
		return Invite{}, err
	}
	return i, nil
}

// splitInvite takes an invite apart; nothing of it is verified.
func splitInvite(text string) (content, sum []byte, err error) {
	if len(text) > MaxToken {
		return nil, nil, fmt.Errorf("%w: %d bytes, more than %d", ErrTooLarge, len(text), MaxToken)
	}
	encoded, ok := strings.CutPrefix(text, invitePrefix)
	if !ok {
		return nil, nil, fmt.Errorf("%w: an invite begins with %q", ErrMalformed, invitePrefix)
	}
	b, err := base64url(encoded)
	if err != nil {
		return nil, nil, err
	}
	if n := len(b); n <= inviteHead+inviteMAC || n > inviteHead+maxRoom+inviteMAC {
		return nil, nil, fmt.Errorf("%w: an invite of %d bytes", ErrMalformed, n)
	}
	return b[:len(b)-inviteMAC], b[len(b)-inviteMAC:], nil
}

// readInvite reads the content, of which splitInvite has checked the length.
func readInvite(b []byte) (Invite, error) {
	i := Invite{
		Room:    string(b[inviteHead:]),
		Grants:  grantsOfBits(binary.BigEndian.Uint16(b[14:])),
		Expires: time.Unix(int64(binary.BigEndian.Uint32(b[8:])), 0),
		Uses:    int(binary.BigEndian.Uint16(b[12:])),
	}
	copy(i.ID[:], b)
	rank := int(b[16])
	if rank >= len(Roles) { // of a later version
		return Invite{}, fmt.Errorf("%w: number %d", ErrRole, rank)
	}
	i.Role = Roles[rank]
	return i, nil
}

// Key is where the uses are counted in the store.
func (i Invite) Key() string { return useKey("", i.text()) }

// Claims are those of somebody who comes with the invite: no identity and no name.
func (i Invite) Claims() Claims {
	return Claims{Room: i.Room, Role: i.Role, Grants: i.Grants, ID: i.text(), Uses: i.Uses, Expires: i.Expires}
}

func (i Invite) text() string { return base64.RawURLEncoding.EncodeToString(i.ID[:]) }

// UseKey is where the uses of a token or invite are counted in the store; empty: it is good for any number.
func (c Claims) UseKey() string {
	if c.Uses == 0 {
		return ""
	}
	return useKey(c.Issuer, c.ID)
}

// useKey keeps the ids of one issuer apart from those of others, and from our invites.
func useKey(issuer, id string) string { return "uses:" + issuer + ":" + id }

func inviteAuthentic(secrets [][]byte, content, sum []byte) error {
	usable := false
	for _, secret := range secrets {
		if len(secret) < MinSecret {
			continue
		}
		usable = true
		if hmac.Equal(inviteSum(secret, content), sum) {
			return nil
		}
	}
	if !usable {
		return ErrSecret
	}
	return ErrSignature
}

// inviteSum is under a key of its own, made from the secret: what signs an invite can never be a signature of a JWT, of TURN
// credentials or of a webhook.
func inviteSum(secret, content []byte) []byte {
	derive := hmac.New(sha256.New, secret)
	derive.Write([]byte("confab invite 1"))
	mac := hmac.New(sha256.New, derive.Sum(nil))
	mac.Write(content)
	return mac.Sum(nil)[:inviteMAC]
}
