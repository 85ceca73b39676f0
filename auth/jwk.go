package auth

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// jwk is a JSON Web Key as far as we read it (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2). The order of its fields, without the optional ones,
// is that of a thumbprint.
type jwk struct {
	Curve     string `json:"crv,omitempty"`
	E         string `json:"e,omitempty"`
	Kind      string `json:"kty"`
	N         string `json:"n,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	ID        string `json:"kid,omitempty"`
	Algorithm string `json:"alg,omitempty"`
	Use       string `json:"use,omitempty"`

	Operations []string        `json:"key_ops,omitempty"`
	Private    json.RawMessage `json:"d,omitempty"`
}

func looksLikeJSON(content []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(content, " \t\r\n"), []byte("{"))
}

// ParseJWKS reads a JWK set, or a single JWK. Keys that cannot verify a token here (of another kind, for encryption, symmetric) are
// skipped, and skipped says why: a set may hold keys for others (RFC 7517 §5). A set of which every key is skipped is an error; an
// empty one is not: that is how all keys are withdrawn.
func ParseJWKS(content []byte) (keys []Key, skipped []error, err error) {
	var set struct {
		Keys *[]jwk `json:"keys"`
		jwk
	}
	if err := json.Unmarshal(content, &set); err != nil {
		return nil, nil, fmt.Errorf("parse JWK set: %w", err)
	}
	if set.Keys == nil {
		if set.Kind == "" {
			return nil, nil, errors.New(`neither a JWK set ("keys") nor a JWK ("kty")`)
		}
		set.Keys = &[]jwk{set.jwk}
	}
	if n := len(*set.Keys); n > MaxKeys {
		return nil, nil, fmt.Errorf("%d keys, more than %d", n, MaxKeys)
	}
	for i, k := range *set.Keys {
		key, err := k.key()
		if err != nil {
			skipped = append(skipped, fmt.Errorf("key %d (%.64q): %w", i+1, k.ID, err))
			continue
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 && len(skipped) > 0 {
		return nil, skipped, fmt.Errorf("no key that could verify a token: %w", skipped[0])
	}
	return keys, skipped, nil
}

// key checks one JWK and turns it into a Key.
func (k jwk) key() (Key, error) {
	switch {
	case k.Private != nil:
		return Key{}, errors.New("it is a private key, which must not be published: make a new one")
	case k.Use != "" && k.Use != "sig":
		return Key{}, fmt.Errorf("its use is %.16q, not sig", k.Use)
	case k.Operations != nil && !slices.Contains(k.Operations, "verify"):
		return Key{}, errors.New("its key_ops do not have verify")
	case len(k.ID) > maxKeyID:
		return Key{}, fmt.Errorf("its kid has more than %d bytes", maxKeyID)
	}
	public, err := k.public()
	if err != nil {
		return Key{}, err
	}
	key, err := newKey(k.ID, public)
	if err == nil && k.Algorithm != "" && k.Algorithm != key.Algorithm {
		err = fmt.Errorf("its alg is %.16q, and for its kind we take %s", k.Algorithm, key.Algorithm)
	}
	return key, err
}

func (k jwk) public() (any, error) {
	switch {
	case k.Kind == "RSA":
		n, err := base64url(k.N)
		if err != nil {
			return nil, err
		}
		e, err := base64url(k.E)
		if err != nil {
			return nil, err
		}
		exponent := new(big.Int).SetBytes(e)
		if len(n) > maxRSA/8+1 || exponent.BitLen() > 31 || exponent.Bit(0) == 0 || exponent.Cmp(big.NewInt(3)) < 0 {
			return nil, errors.New("its modulus or exponent is out of range")
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}, nil
	case k.Kind == "EC" && k.Curve == "P-256":
		x, err := coordinate(k.X)
		if err != nil {
			return nil, err
		}
		y, err := coordinate(k.Y)
		if err != nil {
			return nil, err
		}
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y)) // checks that the point is on the curve
	case k.Kind == "OKP" && k.Curve == "Ed25519":
		x, err := coordinate(k.X)
		return ed25519.PublicKey(x), err
	}
	return nil, fmt.Errorf("its kind is %.16q %.16q: want RSA, EC P-256 or OKP Ed25519", k.Kind, k.Curve)
}

// coordinate decodes the 32 bytes that P-256 and Ed25519 have.
func coordinate(text string) ([]byte, error) {
	value, err := base64url(text)
	if err == nil && len(value) != 32 {
		err = fmt.Errorf("a coordinate of %d bytes: want 32", len(value))
	}
	return value, err
}

// jwk is the inverse of jwk.key, with the members of a thumbprint only.
func (k Key) jwk() jwk {
	encode := base64.RawURLEncoding.EncodeToString
	switch p := k.Public.(type) {
	case *rsa.PublicKey:
		return jwk{Kind: "RSA", N: encode(p.N.Bytes()), E: encode(big.NewInt(int64(p.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := p.Bytes() // 4, x, y
		if err != nil {
			return jwk{}
		}
		return jwk{Kind: "EC", Curve: "P-256", X: encode(point[1:33]), Y: encode(point[33:])}
	case ed25519.PublicKey:
		return jwk{Kind: "OKP", Curve: "Ed25519", X: encode(p)}
	}
	return jwk{}
}

// Thumbprint is the SHA-256 thumbprint of RFC 7638, in base64url: an id that follows from the key.
func (k Key) Thumbprint() string {
	content, _ := json.Marshal(k.jwk()) // texts only: cannot fail
	sum := sha256.Sum256(content)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// MarshalJWKS writes a JWK set, which is what a JWKS URL serves. Keys without an id get their thumbprint.
func MarshalJWKS(keys []Key) []byte {
	set := struct {
		Keys []jwk `json:"keys"`
	}{[]jwk{}}
	for _, key := range keys {
		k := key.jwk()
		k.ID, k.Algorithm, k.Use = key.ID, key.Algorithm, "sig"
		if k.ID == "" {
			k.ID = key.Thumbprint()
		}
		set.Keys = append(set.Keys, k)
	}
	content, _ := json.MarshalIndent(set, "", "  ") // texts only: cannot fail
	return append(content, '\n')
}
