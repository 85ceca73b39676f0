package auth

import "slices"

// Role is what somebody is in a room. Each role may do what the ones below it may; the table in policy.go says what that is.
// The text is that of the wire and of tokens.
type Role string

// The roles, from the lowest.
const (
	RoleViewer    Role = "viewer"    // watches, and writes when the token grants it
	RoleMember    Role = "member"    // takes part
	RoleModerator Role = "moderator" // keeps order
	RoleHost      Role = "host"      // owns the room
)

// Roles are all of them, from the lowest.
var Roles = []Role{RoleViewer, RoleMember, RoleModerator, RoleHost}

// Valid reports whether r is one of Roles.
func (r Role) Valid() bool { return r.rank() >= 0 }

// AtLeast reports whether r is other or above it. What is no role is below all of them.
func (r Role) AtLeast(other Role) bool { return r.rank() >= other.rank() }

// rank is the place in Roles; -1: no role.
func (r Role) rank() int { return slices.Index(Roles, r) }
