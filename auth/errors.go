package auth

import "errors"

// Why a token is refused. The error of Verify matches exactly one of them with errors.Is. What is said of a token whose signature
// has not been verified is only what its bearer can see as well.
var (
	ErrTooLarge    = errors.New("token is too large")
	ErrMalformed   = errors.New("token is malformed")
	ErrDuplicate   = errors.New("token names a key twice")
	ErrCritical    = errors.New(`token has a critical header ("crit") that is not understood`)
	ErrAlgorithm   = errors.New("token is signed with an algorithm that is not accepted here")
	ErrUnknownKey  = errors.New("token is signed with a key that is not known here")
	ErrSignature   = errors.New("token signature is wrong")
	ErrAudience    = errors.New("token is for another audience")
	ErrIssuer      = errors.New("token is of another issuer")
	ErrNoExpiry    = errors.New("token has no expiry")
	ErrExpired     = errors.New("token has expired")
	ErrNotYetValid = errors.New("token is not valid yet")
	ErrNoRoom      = errors.New("token names no room")
	ErrRole        = errors.New("token has an unknown role")

	// ErrSecret is about the verifier, or whoever signs, and not about the token.
	ErrSecret = errors.New("secret is shorter than 16 bytes")
)
