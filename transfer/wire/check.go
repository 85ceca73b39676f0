package wire

import (
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/confab/confab/transfer/content"
)

// check says what is wrong with the values of a control message; nil: nothing.
func check(c Control) error {
	switch c := c.(type) {
	case *Offer:
		switch {
		case c.Count < 1 || c.Count > content.MaxEntries:
			return fmt.Errorf("count %d is not 1 to %d", c.Count, content.MaxEntries)
		case c.Total < 0 || c.Total > maxTotal:
			return fmt.Errorf("total %d is out of range", c.Total)
		case len(c.Name) > content.MaxName || len(c.Note) > content.MaxName:
			return fmt.Errorf("name and note have at most %d bytes", content.MaxName)
		}
	case *Entries:
		if len(c.Entries) < 1 || !index(c.First) || c.First+len(c.Entries) > content.MaxEntries {
			return fmt.Errorf("%d entries from %d", len(c.Entries), c.First)
		}
		for i := range c.Entries {
			if err := c.Entries[i].Check(); err != nil {
				return err
			}
		}
	case *Accept:
		if len(c.Files) > content.MaxEntries || slices.ContainsFunc(c.Files, func(i int) bool { return !index(i) }) {
			return fmt.Errorf("files are out of range")
		}
	case *Decline:
		return short(c.Reason)
	case *CancelAll:
		return short(c.Message)
	case *Lanes:
		if c.N < 1 || c.N > MaxLanes {
			return fmt.Errorf("%d lanes are not 1 to %d", c.N, MaxLanes)
		}
	case *Verified:
		return inRange(c.File)
	case *Changed:
		if err := inRange(c.File); err != nil {
			return err
		}
		return short(c.Message)
	case *Ended:
		if c.Size < 0 || c.Size > content.MaxSize {
			return fmt.Errorf("size %d is out of range", c.Size)
		}
		return inRange(c.File)
	case *Failed:
		if len(c.Code) > 40 {
			return fmt.Errorf("the code is too long")
		}
		return short(c.Message)
	case *Swarm:
		return c.check()
	}
	return nil
}

// maxTotal is what JavaScript counts exactly.
const maxTotal = 1<<53 - 1

func index(i int) bool { return i >= 0 && i < content.MaxEntries }

func inRange(file int) error {
	if !index(file) {
		return fmt.Errorf("file %d is out of range", file)
	}
	return nil
}

func short(text string) error {
	if len(text) > MaxMessage {
		return fmt.Errorf("a text has %d bytes, at most %d are allowed", len(text), MaxMessage)
	}
	return nil
}

func (s *Swarm) check() error {
	if b, err := base64.RawURLEncoding.Strict().DecodeString(s.Secret); err != nil || len(b) != 16 {
		return fmt.Errorf("the secret is not 16 bytes in base64url")
	}
	if s.Of < 1 || s.Of > MaxPeers || s.Stripe < 0 || s.Stripe >= s.Of || len(s.Peers) > MaxPeers {
		return fmt.Errorf("stripe %d of %d with %d peers", s.Stripe, s.Of, len(s.Peers))
	}
	for _, p := range s.Peers {
		if p == "" || len(p) > 32 {
			return fmt.Errorf("a participant id has 1 to 32 characters")
		}
	}
	return nil
}
