package media

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/media/transport"
)

// flood gives one packet to the demux and runs the shard.
func flood(s *shard, pub *connection, now time.Time, b []byte) {
	pub.demux.HandleRTP(now, []transport.Packet{{Buf: append(make([]byte, transport.Headroom), b...), N: len(b)}})
	for len(s.packets) > 0 {
		s.take(<-s.packets)
	}
}

func TestTenThousandSSRCsAreBounded(t *testing.T) {
	s, pub, _, out, _ := still(t)
	var seq uint16
	now := time.Now()
	for ssrc := range uint32(10000) {
		b := packets(t, 1, true, &seq, 1)[0].Bytes()
		b[8], b[9], b[10], b[11] = 1, 0, byte(ssrc>>8), byte(ssrc)
		flood(s, pub, now, b)
	}
	if n := len(pub.demux.streams); n > maxStreams {
		t.Errorf("%d SSRCs remembered, at most %d", n, maxStreams)
	}
	if n := len(pub.pub.encodings); n > 2 {
		t.Errorf("%d encodings of one track in the books", n)
	}
	now = now.Add(2 * time.Second)
	before := out.packets // one SSRC at a time is served as before
	for _, p := range packets(t, 5, true, &seq, 2) {
		flood(s, pub, now, p.Bytes())
	}
	if out.packets-before != 5 {
		t.Errorf("%d of 5 honest packets forwarded after the flood", out.packets-before)
	}
}

func TestGarbageIsCountedAndSurvived(t *testing.T) {
	s, pub, _, _, _ := still(t)
	now, rnd := time.Now(), rand.New(rand.NewPCG(1, 2))
	var seq uint16
	for range 20000 {
		b := append([]byte(nil), packets(t, 1, true, &seq, 1)[0].Bytes()...)
		b = b[:rnd.IntN(len(b)+1)]
		for range rnd.IntN(8) {
			if len(b) > 0 {
				b[rnd.IntN(min(len(b), 60))] = byte(rnd.Uint32())
			}
		}
		now = now.Add(time.Millisecond)
		flood(s, pub, now, b)
		pub.demux.HandleRTCP(now, append([]byte{0x80 | byte(rnd.UintN(32)), byte(200 + rnd.IntN(8)), 0, byte(len(b) / 4)}, b...))
		select {
		case f := <-s.feedback:
			s.heed(f)
		default:
		}
		if rnd.IntN(50) == 0 {
			s.serve(now)
		}
	}
	pub.demux.tally.flush(s.e.metrics)
}

// Sequence numbers and timestamps that jump anywhere cost places in the history, nothing more.
func TestAbsurdJumps(t *testing.T) {
	s, pub, _, out, _ := still(t)
	now, rnd := time.Now(), rand.New(rand.NewPCG(3, 4))
	for i := range 5000 {
		now = now.Add(10 * time.Millisecond)
		h := rtp.Header{Version: 2, SSRC: 77, PayloadType: 96, SequenceNumber: uint16(rnd.Uint32()), Timestamp: rnd.Uint32(), Marker: true}
		must(h.SetExtension(1, []byte("0")))
		b, err := (&rtp.Packet{Header: h, Payload: vp8Payload(true, i%10 == 0, uint16(rnd.Uint32()), 0, 0)}).Marshal()
		must(err)
		flood(s, pub, now, b)
	}
	if out.packets == 0 {
		t.Error("nothing was forwarded")
	}
}

func TestEverythingEndsWithThePeers(t *testing.T) {
	virtual(t, func(b *bench) {
		for range 10 {
			alice := b.join("r", "alice", clientOptions{publish: true, subscribe: true, data: true})
			cam := alice.publish(webrtc.MimeTypeVP8, Camera)
			alice.channel("reliable")
			alice.negotiate(cam)
			bob := b.join("r", "bob", clientOptions{subscribe: true})
			bob.receivePair()
			bob.negotiate()
			stop := cam.film(2)
			bob.wait("video", func() bool { return len(bob.got[bob.pairs[0].Video]) > 5 })
			alice.peer.Close()
			bob.peer.Close()
			bob.wait("closed", func() bool { return bob.states[len(bob.states)-1] == Closed })
			stop()
		}
		time.Sleep(10 * time.Second)
		if p, r := b.metric("media_peers", ""), b.metric("media_rooms", ""); p != 0 || r != 0 {
			t.Errorf("%v peers and %v rooms are left", p, r)
		}
		for _, s := range b.engine.shards {
			done := make(chan int)
			s.call(func() { done <- len(s.peers) })
			if n := <-done; n != 0 {
				t.Errorf("shard %d still has %d connections", s.index, n)
			}
		}
	})
}

// FuzzNegotiate shows an engine any SDP: it answers or refuses, in bounded time, and no panic is caught on the way.
func FuzzNegotiate(f *testing.F) {
	for _, name := range []string{"chromium", "chromium.answer"} {
		text, err := os.ReadFile("answer/testdata/" + name + ".sdp")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(strings.ReplaceAll(string(text), "\n", "\r\n"), true)
		f.Add(string(text), false)
	}
	f.Fuzz(func(t *testing.T, text string, derive bool) {
		loopback(t, func(b *bench) {
			p, err := b.engine.Connect(PeerOptions{Room: "r", Participant: "a", Publish: true, Subscribe: true, Data: true})
			must(err)
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if _, err := p.Negotiate(ctx, Offer{SDP: text, Derive: derive}); err != nil && !errors.Is(err, ErrBadSDP) {
				t.Errorf("%v is not ErrBadSDP", err)
			}
			if b.metric("media_recovered_panics_total", "") != 0 {
				t.Error("a panic was caught")
			}
		})
	})
}

// Every offer brings sections with new names. What the server keeps is what the last one has.
func TestRenamedSectionsAreForgotten(t *testing.T) {
	text, err := os.ReadFile("answer/testdata/chromium.sdp")
	must(err)
	offer := strings.ReplaceAll(string(text), "\n", "\r\n")
	mid := regexp.MustCompile(`(?m)^a=mid:(\S+)`)
	group := regexp.MustCompile(`(?m)^a=group:BUNDLE [^\r]*`)
	rename := func(round int) string {
		var mids []string
		out := mid.ReplaceAllStringFunc(offer, func(string) string {
			mids = append(mids, fmt.Sprintf("m%d-%d", round, len(mids)))
			return "a=mid:" + mids[len(mids)-1]
		})
		return group.ReplaceAllString(out, "a=group:BUNDLE "+strings.Join(mids, " "))
	}
	virtual(t, func(b *bench) {
		p, err := b.engine.Connect(PeerOptions{Room: "r", Participant: "a", Publish: true, Subscribe: true})
		must(err)
		most := 0
		for round := range 30 {
			if _, err := p.Negotiate(context.Background(), Offer{SDP: rename(round), Derive: true}); err != nil {
				t.Fatal(err)
			}
			if round == 0 {
				most = len(p.conn.slots)
			}
			time.Sleep(time.Millisecond) // the room assigns
		}
		senders := make(chan [2]int)
		p.home.call(func() { senders <- [2]int{len(p.conn.senders), len(p.conn.bySSRC)} })
		n := <-senders
		if most == 0 || len(p.conn.slots) != most || n[0] != most || n[1] != most || len(p.conn.sent) > 2*most+1 || len(p.seat.shown) > most {
			t.Errorf("after 30 offers: %d slots, %d senders, %d by SSRC, %d SSRCs, %d shown; one offer has %d", len(p.conn.slots), n[0], n[1], len(p.conn.sent), len(p.seat.shown), most)
		}
	})
}
