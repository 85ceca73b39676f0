package transport

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/protocol"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
	"github.com/pion/srtp/v3"
)

// The tap's keys are those of the DTLS library's own exporter, with every suite and profile that browsers may choose.
func TestKeysMatchExporter(t *testing.T) {
	for _, suite := range []dtls.CipherSuiteID{
		dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
	} {
		for _, profile := range []dtls.SRTPProtectionProfile{
			dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80,
		} {
			t.Run(fmt.Sprintf("%v/%v", suite, srtp.ProtectionProfile(profile)), func(t *testing.T) {
				var tap handshakeTap
				client := shake(t, &tap, suite, profile)
				keys, got, err := tap.keys()
				if err != nil {
					t.Fatal(err)
				}
				if got != srtp.ProtectionProfile(profile) {
					t.Errorf("profile %v, want %v", got, profile)
				}
				want := srtp.Config{Profile: srtp.ProtectionProfile(profile)}
				if err := want.ExtractSessionKeysFromDTLS(&client, true); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(keys.LocalMasterKey, want.Keys.RemoteMasterKey) || !bytes.Equal(keys.RemoteMasterKey, want.Keys.LocalMasterKey) ||
					!bytes.Equal(keys.LocalMasterSalt, want.Keys.RemoteMasterSalt) || !bytes.Equal(keys.RemoteMasterSalt, want.Keys.LocalMasterSalt) {
					t.Error("the keys differ from the client's")
				}
				if tap.master != nil {
					t.Error("the master secret is still there")
				}
				if _, _, err := tap.keys(); err == nil {
					t.Error("keys can be made twice")
				}
				key := keys.LocalMasterKey
				wipeKeys(&keys)
				if !bytes.Equal(key, make([]byte, len(key))) {
					t.Error("the session keys are still there")
				}
			})
		}
	}
}

// shake makes a DTLS handshake with tap at the server and returns the client's state.
func shake(t *testing.T, tap *handshakeTap, suite dtls.CipherSuiteID, profile dtls.SRTPProtectionProfile) dtls.State {
	t.Helper()
	serverSock, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	clientSock, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cert := tlsCertificate(t)
	server, err := dtls.ServerWithOptions(serverSock, clientSock.LocalAddr(), dtls.WithCertificates(cert),
		dtls.WithSRTPProtectionProfiles(profile), dtls.WithCipherSuites(suite), dtls.WithKeyLogWriter(tap),
		dtls.WithServerHelloMessageHook(tap.serverHello), dtls.WithInsecureSkipVerifyHello(true))
	if err != nil {
		t.Fatal(err)
	}
	client, err := dtls.ClientWithOptions(clientSock, serverSock.LocalAddr(), dtls.WithInsecureSkipVerify(true),
		dtls.WithSRTPProtectionProfiles(profile), dtls.WithCipherSuites(suite))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Close()
		_ = server.Close()
	})
	done := make(chan error, 1)
	go func() { done <- server.HandshakeContext(ctx) }()
	if err := client.HandshakeContext(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	state, ok := client.ConnectionState()
	if !ok {
		t.Fatal("no connection state")
	}
	return state
}

// What a different DTLS would show is told as what it is, and gives no keys.
func TestKeysRefused(t *testing.T) {
	random := strings.Repeat("01", handshake.RandomLength)
	good := "CLIENT_RANDOM " + random + " " + strings.Repeat("ab", 48) + "\n"
	hello := func(v protocol.Version, suite uint16, profiles ...extension.SRTPProtectionProfile) handshake.MessageServerHello {
		return handshake.MessageServerHello{Version: v, CipherSuiteID: &suite,
			Extensions: []extension.Extension{&extension.UseSRTP{ProtectionProfiles: profiles}}}
	}
	gcm := extension.SRTP_AEAD_AES_128_GCM
	for _, tc := range []struct {
		name  string
		hello handshake.MessageServerHello
		log   string
		want  string
	}{
		{"no ServerHello", handshake.MessageServerHello{}, good, "no DTLS 1.2 ServerHello"},
		{"no secret", hello(protocol.Version1_2, 0xc02b, gcm), "", "no master secret"},
		{"DTLS 1.3 secrets", hello(protocol.Version1_2, 0xc02b, gcm), "CLIENT_TRAFFIC_SECRET_0 " + random + " abcd", "format other than"},
		{"DTLS 1.3 hello", hello(protocol.Version1_3, 0xc02b, gcm), good, "no DTLS 1.2 ServerHello"},
		{"short random", hello(protocol.Version1_2, 0xc02b, gcm), "CLIENT_RANDOM 0101 abcd", "wrong length"},
		{"not hex", hello(protocol.Version1_2, 0xc02b, gcm), "CLIENT_RANDOM " + random + " zz", "invalid byte"},
		{"unknown suite", hello(protocol.Version1_2, 0x1301, gcm), good, "cipher suite 0x1301"},
		{"no profile", hello(protocol.Version1_2, 0xc02b), good, "derive SRTP keys"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var tap handshakeTap
			tap.serverHello(tc.hello)
			if tc.log != "" {
				if n, err := tap.Write([]byte(tc.log)); n != len(tc.log) || err != nil {
					t.Errorf("Write: %d, %v", n, err)
				}
			}
			_, _, err := tap.keys()
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if tap.master != nil {
				t.Error("the master secret is still there")
			}
			if err != nil && strings.Contains(err.Error(), hex.EncodeToString(bytes.Repeat([]byte{0xab}, 8))) {
				t.Error("the secret is in the error")
			}
		})
	}
}
