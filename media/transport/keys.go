package transport

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"sync"

	"github.com/pion/dtls/v3/pkg/crypto/prf"
	"github.com/pion/dtls/v3/pkg/protocol"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
	"github.com/pion/srtp/v3"
)

// handshakeTap learns what the SRTP keys are made of (RFC 5764 §4.2) from one DTLS handshake in which we are the server.
//
// pion/webrtc exports no keying material, so two of its hooks are used: the server random, the cipher suite and the SRTP
// profile are in the ServerHello that the message hook sees, the client random and the master secret are in the line that the
// key log writer gets. Both belong to one PeerConnection, are kept in memory only, and are wiped once the keys are made.
type handshakeTap struct {
	mu           sync.Mutex // guards the fields below
	version      protocol.Version
	suite        uint16
	profile      srtp.ProtectionProfile
	serverRandom [handshake.RandomLength]byte
	clientRandom [handshake.RandomLength]byte
	master       []byte
	fault        error
}

// serverHello is the hook for SettingEngine.SetDTLSServerHelloMessageHook; it changes nothing.
func (t *handshakeTap) serverHello(m handshake.MessageServerHello) handshake.Message {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.version, t.serverRandom = m.Version, m.Random.MarshalFixed()
	if m.CipherSuiteID != nil {
		t.suite = *m.CipherSuiteID
	}
	for _, e := range m.Extensions {
		if use, ok := e.(*extension.UseSRTP); ok && len(use.ProtectionProfiles) == 1 {
			t.profile = srtp.ProtectionProfile(use.ProtectionProfiles[0])
		}
	}
	return &m
}

// Write takes one line of the NSS key log format, "CLIENT_RANDOM <client random> <master secret>" in hex.
// It never fails: a fault is told by keys.
func (t *handshakeTap) Write(line []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := bytes.Fields(line)
	if len(f) != 3 || string(f[0]) != "CLIENT_RANDOM" {
		t.fault = errors.New("the DTLS library logs its secrets in a format other than that of DTLS 1.2")
		return len(line), nil
	}
	master := make([]byte, hex.DecodedLen(len(f[2])))
	_, errMaster := hex.Decode(master, f[2])
	if len(f[1]) != hex.EncodedLen(len(t.clientRandom)) {
		t.fault = errors.New("the logged client random has a wrong length")
		return len(line), nil
	}
	_, errRandom := hex.Decode(t.clientRandom[:], f[1])
	if t.fault = errors.Join(errRandom, errMaster); t.fault == nil {
		t.master = master
	}
	return len(line), nil
}

// keys derives the keys of both directions as the DTLS server, and wipes the secrets whatever the outcome.
func (t *handshakeTap) keys() (srtp.SessionKeys, srtp.ProtectionProfile, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.wipeLocked()
	switch {
	case t.fault != nil:
		return srtp.SessionKeys{}, 0, fmt.Errorf("derive SRTP keys: %w", t.fault)
	case !t.version.Equal(protocol.Version1_2):
		return srtp.SessionKeys{}, 0, fmt.Errorf("derive SRTP keys: no DTLS 1.2 ServerHello seen (version %d.%d)", t.version.Major, t.version.Minor)
	case t.master == nil:
		return srtp.SessionKeys{}, 0, errors.New("derive SRTP keys: no master secret seen")
	}
	c := srtp.Config{Profile: t.profile}
	if err := c.ExtractSessionKeysFromDTLS(exporter{t}, false); err != nil {
		return srtp.SessionKeys{}, 0, fmt.Errorf("derive SRTP keys: %w", err)
	}
	return c.Keys, t.profile, nil
}

func (t *handshakeTap) wipe() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wipeLocked()
}

func (t *handshakeTap) wipeLocked() {
	clear(t.master)
	t.master = nil
}

// exporter is RFC 5705 without a context over the secrets of a tap, whose lock is held.
type exporter struct{ tap *handshakeTap }

func (e exporter) ExportKeyingMaterial(label string, _ []byte, length int) ([]byte, error) {
	h, err := prfHash(e.tap.suite)
	if err != nil {
		return nil, err
	}
	seed := append([]byte(label), e.tap.clientRandom[:]...)
	seed = append(seed, e.tap.serverRandom[:]...)
	return prf.PHash(e.tap.master, seed, length, h)
}

// prfHash is the hash of the pseudorandom function that belongs to a cipher suite: SHA-256 unless the suite names
// a stronger one (RFC 5246 §5). The list is that of pion/dtls with certificates.
func prfHash(suite uint16) (func() hash.Hash, error) {
	switch suite {
	case 0xc02b, 0xc02f, // TLS_ECDHE_{ECDSA,RSA}_WITH_AES_128_GCM_SHA256
		0xcca9, 0xcca8, // TLS_ECDHE_{ECDSA,RSA}_WITH_CHACHA20_POLY1305_SHA256
		0xc00a, 0xc014: // TLS_ECDHE_{ECDSA,RSA}_WITH_AES_256_CBC_SHA
		return sha256.New, nil
	case 0xc02c, 0xc030: // TLS_ECDHE_{ECDSA,RSA}_WITH_AES_256_GCM_SHA384
		return sha512.New384, nil
	default:
		return nil, fmt.Errorf("cipher suite %#04x is not known to have a pseudorandom function", suite)
	}
}

// wipeKeys forgets session keys that contexts have been made of.
func wipeKeys(k *srtp.SessionKeys) {
	for _, b := range [][]byte{k.LocalMasterKey, k.LocalMasterSalt, k.RemoteMasterKey, k.RemoteMasterSalt} {
		clear(b)
	}
	*k = srtp.SessionKeys{}
}
