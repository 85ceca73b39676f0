package auth

import (
	"errors"
	"strings"
	"time"
)

// AnyRoom is the Room of claims that open every room.
const AnyRoom = "*"

// Claims are what a join token says about its bearer.
type Claims struct {
	Room     string // a room's id; or "team-*", every id that starts with "team-"; or AnyRoom
	Identity string // who the bearer is for the issuer, stable over sessions ("sub"); may be empty
	Name     string // display name; when not empty it replaces the name the client asks for
	Role     Role   // never empty after Verify
	Grants

	ID     string // of the token or invite ("jti"); may be empty, but not when Uses is set
	Uses   int    // how many joins the token is good for, counted by the server under ID; 0: no limit
	Issuer string // who minted it ("iss"); may be empty

	NotBefore time.Time // zero: valid at once
	Expires   time.Time // zero: Sign gives it DefaultLifetime; never zero after Verify
}

// DefaultLifetime is that of a token signed without Expires.
const DefaultLifetime = 6 * time.Hour

// Participant returns the claims of an ordinary participant: a member with AllGrants.
func Participant(room, name string) Claims {
	return Claims{Room: room, Name: name, Role: RoleMember, Grants: AllGrants()}
}

// Opens reports whether the claims are for the room.
func (c Claims) Opens(room string) bool { return roomMatches(c.Room, room) }

// Actor is the bearer in the policy table, under the id that the server gave.
func (c Claims) Actor(id string) Actor { return Actor{ID: id, Role: c.Role, Grants: c.Grants} }

// roomMatches reports whether a pattern covers a room's id: the same text, or what stands before a '*' at the end.
func roomMatches(pattern, room string) bool {
	if prefix, open := strings.CutSuffix(pattern, "*"); open {
		return room != "" && strings.HasPrefix(room, prefix)
	}
	return pattern != "" && pattern == room
}

// Why a token may not take the place of another. Refreshable's errors match exactly one of them with errors.Is.
var (
	ErrOtherIdentity = errors.New("the new token is for somebody else")
	ErrOtherRoom     = errors.New("the new token is for another room")
	ErrNotLonger     = errors.New("the new token expires before the old one")
	ErrCounted       = errors.New("the new token is an invite, which lets people in and extends nothing")
)

// Refreshable reports whether somebody who came with old may go on with fresh, both verified: the same person for the same issuer,
// the same rooms, not for less long. Name, role and grants may be others: that is how an issuer changes them during a call.
func Refreshable(old, fresh Claims) error {
	switch {
	case fresh.Uses != 0:
		return ErrCounted
	case old.Identity != fresh.Identity || old.Issuer != fresh.Issuer:
		return ErrOtherIdentity
	case old.Room != fresh.Room:
		return ErrOtherRoom
	case fresh.Expires.Before(old.Expires):
		return ErrNotLonger
	}
	return nil
}
