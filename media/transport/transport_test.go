package transport

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/media/udp"
)

// exchange sends RTP and RTCP both ways and checks that each arrives whole.
func (c *call) exchange(round int) {
	c.t.Helper()
	payload := []byte(fmt.Sprintf("round %d, up", round))
	if err := c.uplink.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(round)}, Payload: payload}); err != nil {
		c.t.Fatal(err)
	}
	var p rtp.Packet
	if err := p.Unmarshal(receive(c.t, c.inbox.rtp, "RTP from the client")); err != nil || !bytes.Equal(p.Payload, payload) {
		c.t.Fatalf("RTP up: %q, %v; want %q", p.Payload, err, payload)
	}
	if err := c.client.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: uint32(round)}}); err != nil {
		c.t.Fatal(err)
	}
	c.wantPLI(receive(c.t, c.inbox.rtcp, "RTCP from the client"), uint32(round))

	ssrc := c.downSSRC()
	payload = []byte(fmt.Sprintf("round %d, down", round))
	head, err := (&rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: uint16(round), SSRC: ssrc}).Marshal()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := errors.Join(c.server.WriteRTP(c.tx, head, payload), c.tx.Flush()); err != nil {
		c.t.Fatal(err)
	}
	if err := p.Unmarshal(receive(c.t, c.got.rtp, "RTP from the server")); err != nil || !bytes.Equal(p.Payload, payload) {
		c.t.Fatalf("RTP down: %q, %v; want %q", p.Payload, err, payload)
	}
	report, err := rtcp.Marshal([]rtcp.Packet{&rtcp.SenderReport{SSRC: ssrc, PacketCount: uint32(round)}})
	if err != nil {
		c.t.Fatal(err)
	}
	if err := errors.Join(c.server.WriteRTCP(c.tx, report), c.tx.Flush()); err != nil {
		c.t.Fatal(err)
	}
	if got := receive(c.t, c.got.rtcp, "RTCP from the server"); !bytes.Equal(got, report) {
		c.t.Fatalf("RTCP down: % x, want % x", got, report)
	}
}

func (c *call) wantPLI(b []byte, media uint32) {
	c.t.Helper()
	ps, err := rtcp.Unmarshal(b)
	if err != nil || len(ps) != 1 || ps[0].(*rtcp.PictureLossIndication).MediaSSRC != media {
		c.t.Fatalf("RTCP up: %v, %v; want a PLI for %d", ps, err, media)
	}
}

// The same call over the batched path, over the portable one, and with IPv6.
func TestCall(t *testing.T) {
	for _, tc := range []struct {
		name string
		addr string
		o    udp.Options
		at   string // what is advertised, if not the default
	}{
		{"batched", "127.0.0.1:0", udp.Options{}, ""},
		{"without GSO", "127.0.0.1:0", udp.Options{NoGSO: true}, ""},
		{"portable", "127.0.0.1:0", udp.Options{Portable: true}, ""},
		{"IPv6", "[::1]:0", udp.Options{}, ""},
		{"wildcard", ":0", udp.Options{}, ""},
		{"wildcard, not the kernel's choice of address", ":0", udp.Options{}, "127.0.0.2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sock, err := udp.Listen(tc.addr, tc.o)
			if err != nil {
				t.Skip("no such network here: ", err)
			}
			var advertise []netip.AddrPort
			if tc.at != "" {
				advertise = []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr(tc.at), sock.LocalAddr().Port())}
			}
			c := newCall(t, newSite(t, sock, advertise...))
			if err := c.server.WriteRTP(c.tx, make([]byte, 12), nil); !errors.Is(err, ErrNotReady) {
				t.Fatalf("WriteRTP before the answer: %v, want ErrNotReady", err)
			}
			opened, echoed := make(chan struct{}), make(chan string, 1)
			c.server.PC().OnDataChannel(func(d *webrtc.DataChannel) {
				d.OnMessage(func(m webrtc.DataChannelMessage) { echoed <- string(m.Data) })
			})
			d, err := c.client.CreateDataChannel("reliable", nil)
			if err != nil {
				t.Fatal(err)
			}
			d.OnOpen(func() { close(opened) })
			c.connect()
			for i := range 20 {
				c.exchange(i + 1)
			}
			<-opened
			if err := d.SendText("hello"); err != nil {
				t.Fatal(err)
			}
			select {
			case got := <-echoed:
				if got != "hello" {
					t.Fatalf("data channel: %q", got)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("data channel: nothing arrived")
			}
			if got := c.server.Profile(); got != srtp.ProtectionProfileAeadAes128Gcm {
				t.Errorf("profile = %v", got)
			}
			if s := c.server.Stats(); s.RTP < 20 || s.RTCP < 20 || s.Forged+s.Replayed+s.Early != 0 {
				t.Errorf("stats = %+v", s)
			}
			if tc.at != "" {
				pair, err := c.client.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
				if err != nil || pair.Remote.Address != tc.at {
					t.Errorf("selected pair %v, %v; want one with %s", pair, err, tc.at)
				}
			}
			if s := c.site.Stats(); s.ForeignMedia != 0 {
				t.Errorf("pion sent %d packets of media", s.ForeignMedia)
			}
		})
	}
}

// A peer that is not who its offer says is told apart by its certificate, and the reason reaches the callback.
func TestWrongFingerprint(t *testing.T) {
	c := newCall(t, newSite(t, listen(t, udp.Options{})))
	c.negotiateAs(nil, func(sdp string) string {
		at := strings.Index(sdp, "a=fingerprint:sha-256 ") + len("a=fingerprint:sha-256 ")
		return sdp[:at] + strings.Repeat("00:", 31) + "00" + sdp[at+95:]
	})
	c.waitState(StateFailed)
	if err := <-c.faults; err == nil || !strings.Contains(err.Error(), "DTLS") {
		t.Errorf("error %v, want one that speaks of DTLS", err)
	}
	if err := c.server.WriteRTP(c.tx, make([]byte, 12), nil); !errors.Is(err, ErrNotReady) {
		t.Errorf("WriteRTP: %v, want ErrNotReady", err)
	}
}

// Close without ever having negotiated, twice.
func TestCloseUnused(t *testing.T) {
	m := NewMux(listen(t, udp.Options{}), MuxOptions{})
	defer m.Socket().Close()
	tr, err := New(Config{Mux: m, MediaEngine: vp8Engine(t), Handler: newInbox()})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(tr.Close(), tr.Close()); err != nil || tr.State() != StateClosed {
		t.Errorf("Close: %v, state %v", err, tr.State())
	}
}
