package transport

import (
	"bytes"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/media/udp"
)

// During an ICE restart the old path serves until the new one works, in both directions; then the new one does.
func TestICERestart(t *testing.T) {
	s := newSite(t, listen(t, udp.Options{}))
	var capture, divert atomic.Bool
	captured, arrived := make(chan []byte, 1), make(chan []byte, 1)
	out := func(b []byte) bool {
		if classify(b) == kindRTP && capture.CompareAndSwap(true, false) {
			captured <- bytes.Clone(b)
			return false
		}
		return true
	}
	in := func(b []byte) bool {
		if classify(b) == kindRTP && divert.CompareAndSwap(true, false) {
			arrived <- bytes.Clone(b)
			return false
		}
		return true
	}
	conn, setting := tap(t, in, out)
	c := newCall(t, s, setting)
	c.connect()
	c.exchange(1)

	capture.Store(true)
	if err := c.uplink.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: 2}, Payload: []byte("kept")}); err != nil {
		t.Fatal(err)
	}
	late := <-captured
	before := c.server.PC().SCTP().Transport().ICETransport()
	ufrag, err := before.GetLocalParameters()
	if err != nil {
		t.Fatal(err)
	}
	c.negotiate(&webrtc.OfferOptions{ICERestart: true}, func() {
		if _, err := conn.PacketConn.WriteTo(late, s.addr()); err != nil {
			t.Fatal(err)
		}
		var p rtp.Packet
		if err := p.Unmarshal(receive(t, c.inbox.rtp, "RTP over the old path")); err != nil || string(p.Payload) != "kept" {
			t.Errorf("RTP up: %q, %v", p.Payload, err)
		}
		divert.Store(true)
		head, err := (&rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: 2, SSRC: c.downSSRC()}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(c.server.WriteRTP(c.tx, head, []byte("kept")), c.tx.Flush()); err != nil {
			t.Fatal(err)
		}
		receive(t, arrived, "RTP down over the old path")
		if got := c.server.State(); got != StateReady {
			t.Errorf("state during the restart: %v", got)
		}
	})
	after, err := c.server.PC().SCTP().Transport().ICETransport().GetLocalParameters()
	if err != nil {
		t.Fatal(err)
	}
	if after.UsernameFragment == ufrag.UsernameFragment {
		t.Error("the server kept its credentials: no restart")
	}
	c.waitConnected()
	for i := range 5 {
		c.exchange(i + 10)
	}
	if got := c.server.State(); got != StateReady {
		t.Errorf("state after the restart: %v", got)
	}
}
