package content

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bounds of an offer.
const (
	MaxEntries   = 100_000
	MaxPath      = 1024 // bytes
	MaxComponent = 255  // bytes between two slashes
	MaxType      = 255  // bytes of a media type
	MaxInline    = 64 << 10
	MaxName      = 255 // bytes of a content's name or note
)

// Entry is a file or an empty folder of an offer.
type Entry struct {
	// Path is relative, in UTF-8 and NFC, with "/" between. That of an empty folder ends with "/".
	Path string `json:"path"`
	Size int64  `json:"size"` // bytes; -1: a stream whose end is not known yet
	Root *Hash  `json:"root,omitempty"`
	Type string `json:"type,omitempty"` // media type (RFC 6838)
	// Modified is when the file was last changed: milliseconds since 1970.
	Modified int64 `json:"modified,omitempty"`
	// Inline is the file itself, when it is a short text such as of the clipboard.
	Inline string `json:"inline,omitempty"`
	Stream bool   `json:"stream,omitempty"`
}

// Folder reports whether the entry is an empty folder.
func (e *Entry) Folder() bool { return strings.HasSuffix(e.Path, "/") }

// Blocks returns how many blocks the entry has; 0 for a stream.
func (e *Entry) Blocks() int { return Blocks(e.Size) }

// Check says what is wrong with an entry that a stranger has sent; nil: nothing. Its path is checked by Names.
func (e *Entry) Check() error {
	switch {
	case len(e.Path) > MaxPath:
		return fmt.Errorf("a path has %d bytes, at most %d are allowed", len(e.Path), MaxPath)
	case len(e.Type) > MaxType || !utf8.ValidString(e.Type):
		return fmt.Errorf("%q: the media type is too long", e.Path)
	case e.Modified < 0 || e.Modified > 1<<53:
		return fmt.Errorf("%q: the time of change is out of range", e.Path)
	case e.Stream:
		if e.Size != -1 || e.Root != nil || e.Inline != "" || e.Folder() {
			return fmt.Errorf("%q: a stream has size -1, no root and no text", e.Path)
		}
		return nil
	case e.Size < 0 || e.Size > MaxSize:
		return fmt.Errorf("%q: size %d is not 0 to %d", e.Path, e.Size, int64(MaxSize))
	case e.Folder():
		if e.Size != 0 || e.Root != nil || e.Inline != "" {
			return fmt.Errorf("%q: a folder has no bytes", e.Path)
		}
		return nil
	case e.Root == nil:
		return fmt.Errorf("%q: the root is missing", e.Path)
	case e.Size == 0 && *e.Root != Empty:
		return fmt.Errorf("%q: an empty file has another root", e.Path)
	}
	return e.checkInline()
}

func (e *Entry) checkInline() error {
	switch {
	case e.Inline == "":
		return nil
	case len(e.Inline) > MaxInline:
		return fmt.Errorf("%q: the text has %d bytes, at most %d are allowed", e.Path, len(e.Inline), MaxInline)
	case int64(len(e.Inline)) != e.Size || Leaf([]byte(e.Inline)) != *e.Root:
		return fmt.Errorf("%q: the text is not what its size and root say", e.Path)
	}
	return nil
}

// leaf is the entry in the tree of the content: SHA-256(0x00 ‖ root ‖ size as 8 bytes, big-endian ‖ path). A folder has the root of
// an empty file; a stream has a root of zeros and the size 2^64-1, which is -1 in two's complement.
func (e *Entry) leaf() Hash {
	root := Empty
	switch {
	case e.Stream:
		root = Hash{}
	case e.Root != nil:
		root = *e.Root
	}
	b := make([]byte, 0, sha256.Size+8+len(e.Path))
	b = append(b, root[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Size))
	return Leaf(append(b, e.Path...))
}

// RootOf returns the root that names a content.
func RootOf(entries []Entry) Hash {
	leaves := make([]Hash, len(entries))
	for i := range entries {
		leaves[i] = entries[i].leaf()
	}
	return Root(leaves)
}

// Total returns the bytes of all entries; streams count as none.
func Total(entries []Entry) int64 {
	var sum int64
	for i := range entries {
		sum += max(0, entries[i].Size)
	}
	return sum
}
