package auth

import (
	"crypto/subtle"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Audience is the "aud" of every join token that Sign mints. A token that was minted for another service is refused even if it was
// signed with the same secret or key.
const Audience = "confab"

// Leeway is how far the clocks of the one who mints and the one who verifies may differ.
const Leeway = 30 * time.Second

// MaxLeeway is the most that a Keyring may be given: more is a broken clock that nobody should get used to.
const MaxLeeway = 5 * time.Minute

// MinSecret is the shortest secret that Sign and Verify accept, in bytes: 128 bits.
const MinSecret = 16

// MaxToken bounds what is parsed at all, in bytes: a token with every field at its limit and a signature of 8192 bits fits.
const MaxToken = 4096

// maxCandidates bounds how many signatures are tried for one token.
const maxCandidates = 16

// Keyring is all that is needed to verify tokens. It is a value that is never changed: whoever rotates keys makes another one,
// as package auth/verifier does.
type Keyring struct {
	Secrets  [][]byte      // HS256 and invites; the first signs, all verify; those shorter than MinSecret are ignored
	Keys     []Key         // RS256, ES256, EdDSA
	Audience string        // empty: Audience
	Issuer   string        // when not empty, tokens must be of this issuer; invites have none and are our own
	Leeway   time.Duration // 0: Leeway; negative: none
}

// Verify checks a join token or an invite and returns its claims. Unknown grants are ignored: they are of a later version.
func (k *Keyring) Verify(token string, now time.Time) (Claims, error) {
	token = strings.TrimSpace(token)
	if IsInvite(token) {
		invite, err := OpenInvite(k.Secrets, token, now)
		if err != nil {
			return Claims{}, err
		}
		return invite.Claims(), nil
	}
	t, err := split(token)
	if err != nil {
		return Claims{}, err
	}
	own, err := k.authentic(t)
	if err != nil {
		return Claims{}, err
	}
	return k.read(t.payload, own, now)
}

// Verify checks a join token or an invite against secrets only; see Keyring.
func Verify(secrets [][]byte, token string, now time.Time) (Claims, error) {
	return (&Keyring{Secrets: secrets}).Verify(token, now)
}

// authentic verifies the signature; own says that one of our secrets has made it. The algorithm in the header only chooses
// among kinds of keys: a secret never meets anything but HMAC, and a public key is never taken for a secret (RFC 8725 §3.1).
func (k *Keyring) authentic(t jws) (own bool, err error) {
	if _, there := t.header["crit"]; there { // RFC 7515 §4.1.11: what is critical and not understood is refused, and we understand none
		return false, ErrCritical
	}
	algorithm, err := text(t.header, "alg", 16)
	if err != nil {
		return false, err
	}
	kid, err := text(t.header, "kid", maxKeyID)
	if err != nil {
		return false, err
	}
	if typ, err := text(t.header, "typ", 32); err != nil {
		return false, err
	} else if !isJWT(typ) {
		return false, fmt.Errorf("%w: the type is %q, want JWT", ErrMalformed, typ)
	}
	if algorithm == HS256 {
		return true, k.authenticHMAC(t)
	}
	return false, k.authenticKey(t, algorithm, kid)
}

// isJWT tells tokens from other things that are signed with the same key (RFC 8725 §3.11): logout tokens, DPoP proofs.
func isJWT(typ string) bool {
	switch strings.TrimPrefix(strings.ToLower(typ), "application/") {
	case "", "jwt", "at+jwt": // RFC 9068 access tokens
		return true
	}
	return false
}

func (k *Keyring) authenticHMAC(t jws) error {
	usable := false
	for _, secret := range k.Secrets {
		if len(secret) < MinSecret {
			continue
		}
		usable = true
		want, err := jwt.SigningMethodHS256.Sign(t.signed, secret)
		if err == nil && subtle.ConstantTimeCompare(want, t.signature) == 1 {
			return nil
		}
	}
	if !usable && len(k.Keys) > 0 {
		return fmt.Errorf("%w: %s needs a secret, and there are only keys", ErrAlgorithm, HS256)
	} else if !usable {
		return ErrSecret
	}
	return ErrSignature
}

// authenticKey tries the keys of the token's algorithm: those with its key id, and those without one, which come from PEM files.
// The key id is compared with the ids of keys that are here already, and never used as a path, a URL or part of a query.
func (k *Keyring) authenticKey(t jws, algorithm, kid string) error {
	method, accepted := methods[algorithm]
	if !accepted {
		return fmt.Errorf("%w: %q", ErrAlgorithm, algorithm)
	}
	tried, named := 0, kid == ""
	for _, key := range k.Keys {
		if key.Algorithm != algorithm || kid != "" && key.ID != "" && key.ID != kid {
			continue
		}
		named = named || key.ID == kid
		if tried++; tried > maxCandidates {
			break
		}
		if method.Verify(t.signed, t.signature, key.Public) == nil {
			return nil
		}
	}
	switch {
	case !named:
		return fmt.Errorf("%w: key id %q, %s", ErrUnknownKey, kid, algorithm)
	case tried == 0:
		return fmt.Errorf("%w: there is no key for %s", ErrUnknownKey, algorithm)
	}
	return ErrSignature
}
