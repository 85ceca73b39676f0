package rtc

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/pion/webrtc/v4"
)

// Bounds of what a peer may say.
const (
	maxSDP       = 16 << 10
	maxCandidate = 1024
	maxLane      = 1 << 20 // numbers, over the life of a transfer
)

// Step is one step of the negotiation of a lane: the data of a "transfer" message with t offer, answer, candidate or end.
type Step struct {
	T    string `json:"t"`
	Lane int    `json:"lane"`
	SDP  string `json:"sdp,omitempty"`
	// Candidate is a candidate-attribute (RFC 8839 §5.1) without "a="; an empty one is the end of candidates.
	Candidate *string `json:"candidate,omitempty"`
	Mid       string  `json:"mid,omitempty"`
	Code      string  `json:"code,omitempty"` // of end
	Message   string  `json:"message,omitempty"`
}

// ParseStep reads a step from the data of a "transfer" message. ok is false for other kinds of messages.
func ParseStep(data []byte) (s Step, ok bool, err error) {
	if err := json.Unmarshal(data, &s); err != nil {
		return s, false, fmt.Errorf("a step of a transfer: %w", err)
	}
	if s.Lane < 0 || s.Lane > maxLane {
		return s, false, errors.New("a step of a transfer: the lane is out of range")
	}
	switch s.T {
	case "offer", "answer":
		if s.SDP == "" || len(s.SDP) > maxSDP {
			return s, false, errors.New("a step of a transfer: the sdp is missing or too long")
		}
	case "candidate":
		if s.Candidate == nil || len(*s.Candidate) > maxCandidate || len(s.Mid) > 32 {
			return s, false, errors.New("a step of a transfer: the candidate is missing or too long")
		}
	case "end":
	default:
		return s, false, nil
	}
	return s, true, nil
}

// fingerprints checks that a session description has the fingerprint and no other.
func checkFingerprint(sdp, want string) error {
	found := 0
	for line := range strings.SplitSeq(sdp, "\n") {
		value, is := strings.CutPrefix(strings.TrimRight(line, "\r"), "a=fingerprint:")
		if !is {
			continue
		}
		found++
		if hash, print, _ := strings.Cut(value, " "); !strings.EqualFold(hash, "sha-256") || !strings.EqualFold(strings.TrimSpace(print), want) {
			return ErrFingerprint
		}
	}
	if found == 0 {
		return ErrFingerprint
	}
	return nil
}

// ErrFingerprint says that a lane was offered by somebody else than the one who has proved who they are.
var ErrFingerprint = errors.New("the connection has another fingerprint than the peer has proved: somebody is in between")

// Fingerprint returns the SHA-256 of a certificate as the handshake has it: upper-case hex with colons.
func Fingerprint(c *webrtc.Certificate) (string, error) {
	prints, err := c.GetFingerprints()
	if err != nil {
		return "", fmt.Errorf("fingerprint: %w", err)
	}
	for _, p := range prints {
		if strings.EqualFold(p.Algorithm, "sha-256") {
			return strings.ToUpper(p.Value), nil
		}
	}
	return "", errors.New("the certificate has no SHA-256 fingerprint")
}
