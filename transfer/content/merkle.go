package content

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"math/bits"
)

// BlockSize is the bytes of every block of a file but the last.
const BlockSize = 1 << 20

// MaxSize is the most bytes of a file: 4 TiB, whose leaves take 128 MiB.
const MaxSize = 1 << 42

// Hash is a SHA-256: of a block, a node, a file or a content. As text it is 43 characters of base64url.
type Hash [sha256.Size]byte

// String returns the text of h.
func (h Hash) String() string { return base64.RawURLEncoding.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(text []byte) error {
	b, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	if err != nil || len(b) != len(h) {
		return errors.New("a hash is 43 characters of base64url")
	}
	copy(h[:], b)
	return nil
}

// Empty is the root of no leaves.
var Empty = Hash(sha256.Sum256(nil))

// Leaf returns the hash of a block: SHA-256(0x00 ‖ block).
func Leaf(block []byte) Hash {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(block)
	return Hash(h.Sum(nil))
}

func node(left, right Hash) Hash {
	var b [1 + 2*sha256.Size]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}

// Root returns the root of the tree over leaves (RFC 9162 §2.1.1): the left subtree has the largest power of two of leaves
// that leaves some to the right.
func Root(leaves []Hash) Hash {
	switch n := len(leaves); n {
	case 0:
		return Empty
	case 1:
		return leaves[0]
	default:
		split := 1 << (bits.Len(uint(n-1)) - 1)
		return node(Root(leaves[:split]), Root(leaves[split:]))
	}
}

// Blocks returns how many blocks a file of size bytes has; 0 for a stream of unknown size.
func Blocks(size int64) int {
	if size <= 0 {
		return 0
	}
	return int((size + BlockSize - 1) / BlockSize)
}

// BlockLen returns the bytes of a block of a file of size bytes; 0 outside of it.
func BlockLen(size int64, block int) int {
	return int(max(0, min(BlockSize, size-int64(block)*BlockSize)))
}

// Hasher makes leaves of bytes that are written to it in any pieces. The zero Hasher is ready.
type Hasher struct {
	leaves []Hash
	block  hash.Hash
	in     int // bytes of the present block
	size   int64
}

// Write never fails.
func (h *Hasher) Write(p []byte) (int, error) {
	n := len(p)
	h.size += int64(n)
	for len(p) > 0 {
		if h.block == nil {
			h.block = sha256.New()
		}
		if h.in == 0 {
			h.block.Reset()
			h.block.Write([]byte{0})
		}
		take := min(len(p), BlockSize-h.in)
		h.block.Write(p[:take])
		p, h.in = p[take:], h.in+take
		if h.in == BlockSize {
			h.leaves, h.in = append(h.leaves, Hash(h.block.Sum(nil))), 0
		}
	}
	return n, nil
}

// Sum returns the leaves, the root and the size of what was written. Nothing may be written after it.
func (h *Hasher) Sum() (leaves []Hash, root Hash, size int64) {
	if h.in > 0 {
		h.leaves, h.in = append(h.leaves, Hash(h.block.Sum(nil))), 0
	}
	return h.leaves, Root(h.leaves), h.size
}
