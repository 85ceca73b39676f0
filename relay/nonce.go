package relay

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"time"
)

// nonces makes and checks nonces without remembering them (RFC 8489 §9.2): the time, and a MAC over it and the client's address. One that
// was heard on another address is of no use, which pion's own, that hold for everybody, are.
//
//	nonce    base64url of  seconds:32  HMAC-SHA256(key, seconds | address)[:12]
type nonces struct{ key [32]byte }

const (
	nonceLifetime = time.Hour // RFC 8656 §5: at least once an hour
	nonceSize     = 4 + 12
)

func newNonces() *nonces {
	n := &nonces{}
	_, _ = rand.Read(n.key[:]) // never fails (crypto/rand)
	return n
}

// mint returns a nonce for a client's address. The port is left out: a TCP data connection (RFC 6062) has its own.
func (n *nonces) mint(client netip.Addr, now time.Time) []byte {
	var raw [nonceSize]byte
	binary.BigEndian.PutUint32(raw[:4], uint32(now.Unix()))
	n.sign(&raw, client)
	out := make([]byte, base64.RawURLEncoding.EncodedLen(nonceSize))
	base64.RawURLEncoding.Encode(out, raw[:])
	return out
}

// valid reports whether a nonce was minted for this address within the last hour. It compares in constant time.
func (n *nonces) valid(nonce []byte, client netip.Addr, now time.Time) bool {
	var raw, want [nonceSize]byte
	if len(nonce) != base64.RawURLEncoding.EncodedLen(nonceSize) {
		return false
	}
	if _, err := base64.RawURLEncoding.Decode(raw[:], nonce); err != nil {
		return false
	}
	copy(want[:4], raw[:4])
	n.sign(&want, client)
	if !hmac.Equal(raw[:], want[:]) {
		return false
	}
	age := now.Unix() - int64(binary.BigEndian.Uint32(raw[:4]))
	return age >= 0 && age <= int64(nonceLifetime/time.Second)
}

func (n *nonces) sign(raw *[nonceSize]byte, client netip.Addr) {
	mac := hmac.New(sha256.New, n.key[:])
	mac.Write(raw[:4])
	address := client.Unmap().As16()
	mac.Write(address[:])
	copy(raw[4:], mac.Sum(nil))
}
