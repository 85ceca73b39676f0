package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// The algorithms that tokens may be signed with (RFC 7518 §3.1, RFC 8037 §3.1).
const (
	HS256 = "HS256"
	RS256 = "RS256"
	ES256 = "ES256"
	EdDSA = "EdDSA"
)

// methods are those with a public key. HS256 is not among them: that keeps a key from being taken for a secret.
var methods = map[string]jwt.SigningMethod{
	RS256: jwt.SigningMethodRS256,
	ES256: jwt.SigningMethodES256,
	EdDSA: jwt.SigningMethodEdDSA,
}

// RSA keys are taken within these sizes, in bits: shorter ones are weak (RFC 7518 §3.3), and verifying with longer ones takes long enough
// to be an attack.
const (
	minRSA = 2048
	maxRSA = 8192
)

// MaxKeys bounds how many keys one file or one JWK set may hold.
const MaxKeys = 64

// maxKeyID is the longest key id, in bytes.
const maxKeyID = 128

// Key is a public key that verifies tokens of one algorithm.
type Key struct {
	ID        string // "kid"; empty, as of a PEM file: the key is tried for every token of its algorithm
	Algorithm string // RS256, ES256 or EdDSA; it follows from the kind of the key
	Public    crypto.PublicKey
}

// newKey finds the algorithm of a public key.
func newKey(id string, public crypto.PublicKey) (Key, error) {
	switch p := public.(type) {
	case *rsa.PublicKey:
		if bits := p.N.BitLen(); bits < minRSA || bits > maxRSA {
			return Key{}, fmt.Errorf("an RSA key of %d bits: want %d to %d", bits, minRSA, maxRSA)
		}
		return Key{id, RS256, p}, nil
	case *ecdsa.PublicKey:
		if p.Curve != elliptic.P256() {
			return Key{}, fmt.Errorf("an EC key on %s: want P-256", p.Params().Name)
		}
		return Key{id, ES256, p}, nil
	case ed25519.PublicKey:
		return Key{id, EdDSA, p}, nil
	}
	return Key{}, fmt.Errorf("a key of type %T: want RSA, EC P-256 or Ed25519", public)
}

// ParseKeys reads the public keys of a file: PEM (public keys and certificates, which are only taken for their key), a JWK, or a
// JWK set. A private key is refused: the server has no use for it, and it should not lie there.
func ParseKeys(content []byte) ([]Key, error) {
	if looksLikeJSON(content) {
		keys, skipped, err := ParseJWKS(content)
		if err == nil && len(skipped) > 0 {
			err = skipped[0]
		}
		return keys, err
	}
	var keys []Key
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		public, err := publicOf(block)
		if err != nil {
			return nil, err
		}
		key, err := newKey("", public)
		if err != nil {
			return nil, err
		}
		if keys = append(keys, key); len(keys) > MaxKeys {
			return nil, fmt.Errorf("more than %d keys", MaxKeys)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("no key: want PEM (-----BEGIN PUBLIC KEY-----), a JWK or a JWK set")
	}
	return keys, nil
}

func publicOf(block *pem.Block) (crypto.PublicKey, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return certificate.PublicKey, nil
	case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("this is a private key, and verifying needs the public one only: openssl pkey -in FILE -pubout")
	}
	return nil, fmt.Errorf("a PEM block %q: want PUBLIC KEY", block.Type)
}

// Signer mints tokens with a private key.
type Signer struct {
	private crypto.Signer
	key     Key
}

// Key is the public half; its id is the thumbprint of RFC 7638.
func (s *Signer) Key() Key { return s.key }

// ParseSigner reads a private key from PEM: PKCS #8, or the older forms of OpenSSL.
func ParseSigner(content []byte) (*Signer, error) {
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		var private any
		var err error
		switch block.Type {
		case "EC PARAMETERS": // openssl ecparam -genkey writes them before the key
			continue
		case "PRIVATE KEY":
			private, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			private, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			private, err = x509.ParseECPrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return nil, errors.New("the key is encrypted: decrypt it with openssl pkey -in FILE -out PLAIN")
		default:
			return nil, fmt.Errorf("a PEM block %q: want PRIVATE KEY", block.Type)
		}
		if err != nil {
			return nil, fmt.Errorf("parse private key: %w", err)
		}
		signer, ok := private.(crypto.Signer)
		if !ok {
			return nil, fmt.Errorf("a key of type %T: want RSA, EC P-256 or Ed25519", private)
		}
		key, err := newKey("", signer.Public())
		if err != nil {
			return nil, err
		}
		key.ID = key.Thumbprint()
		return &Signer{signer, key}, nil
	}
	return nil, errors.New("no private key: want PEM, as of openssl genpkey -algorithm ed25519")
}
