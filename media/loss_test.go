package media

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

func TestSubscriberGetsLostPacketsAgain(t *testing.T) {
	virtual(t, func(b *bench) {
		alice := b.join("r", "alice", clientOptions{publish: true})
		cam := alice.publish(webrtc.MimeTypeVP8, Camera)
		alice.negotiate(cam)
		cam.film(3)
		bob := b.join("r", "bob", clientOptions{subscribe: true})
		bob.receivePair()
		bob.negotiate()
		video := bob.pairs[0].Video
		bob.wait("video", func() bool { return len(bob.got[video]) > 100 })
		n := 0
		b.losing(func(from, to string, p []byte) bool { // one RTP packet in seven towards bob
			if from != "10.0.0.1" || to != "10.0.0.3" || len(p) < 2 || p[0]>>6 != 2 || p[1]&0x7f >= 64 && p[1]&0x7f < 96 {
				return false
			}
			n++
			return n%7 == 0
		})
		bob.nackMissing(video)
		repaired := func() (n int) {
			for _, p := range bob.got[video] {
				if p.ExtensionProfile == repairedMark {
					n++
				}
			}
			return n
		}
		bob.wait("retransmissions", func() bool { return repaired() > 30 })
		b.losing(nil)
		time.Sleep(time.Second)
		bob.mu.Lock()
		slices.SortStableFunc(bob.got[video], func(x, y *rtp.Packet) int { return int(int16(x.SequenceNumber - y.SequenceNumber)) })
		// An impatient client asks twice, and may get the packet twice.
		bob.got[video] = slices.CompactFunc(bob.got[video], func(x, y *rtp.Packet) bool { return x.SequenceNumber == y.SequenceNumber })
		bob.mu.Unlock()
		bob.checkVP8(video)
		if v := b.metric("media_retransmitted_packets_total", ""); v < 30 {
			t.Errorf("media_retransmitted_packets_total = %v", v)
		}
	})
}

// nackMissing asks for each gap in a slot, as a browser's receiver does.
func (c *client) nackMissing(mid string) {
	asked := map[uint16]int{}
	every(c.t, 20*time.Millisecond, func() {
		c.mu.Lock()
		have := map[uint16]bool{}
		low, high := c.got[mid][0].SequenceNumber, c.got[mid][0].SequenceNumber
		for _, p := range c.got[mid] {
			have[p.SequenceNumber] = true
			if int16(p.SequenceNumber-high) > 0 {
				high = p.SequenceNumber
			}
		}
		ssrc := c.got[mid][0].SSRC
		c.mu.Unlock()
		var lost []uint16
		for n := low; n != high; n++ {
			if !have[n] && asked[n] < 10 {
				asked[n]++
				lost = append(lost, n)
			}
		}
		if len(lost) > 0 {
			_ = c.pc.WriteRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(lost)}})
		}
	})
}

func TestPublisherIsAskedForLostPackets(t *testing.T) {
	virtual(t, func(b *bench) {
		alice := b.join("r", "alice", clientOptions{publish: true})
		cam := alice.publish(webrtc.MimeTypeVP8, Camera)
		alice.negotiate(cam)
		alice.wait("connected", func() bool { return len(alice.states) > 0 })
		for i := range 60 {
			cam.vp8Lossy(0, 4, i == 0, map[bool]int{true: 2, false: -1}[i%10 == 5])
			time.Sleep(33 * time.Millisecond)
		}
		time.Sleep(time.Second)
		cam.mu.Lock()
		defer cam.mu.Unlock()
		want := []uint16{}
		for i := range 6 {
			want = append(want, uint16(4*(10*i+5)+3))
		}
		for _, n := range want {
			if !slices.Contains(cam.nacks, n) {
				t.Errorf("packet %d was lost and not asked for; asked for %v", n, cam.nacks)
			}
		}
		for _, n := range cam.nacks {
			if !slices.Contains(want, n) {
				t.Errorf("asked for packet %d, which arrived", n)
			}
		}
		if cam.rrs < 2 {
			t.Errorf("%d receiver reports in three seconds", cam.rrs)
		}
	})
}

func TestNackStormIsBounded(t *testing.T) {
	virtual(t, func(b *bench) {
		alice := b.join("r", "alice", clientOptions{publish: true})
		cam := alice.publish(webrtc.MimeTypeVP8, Camera)
		alice.negotiate(cam)
		cam.film(10)
		bob := b.join("r", "bob", clientOptions{subscribe: true})
		bob.receivePair()
		bob.negotiate()
		video := bob.pairs[0].Video
		bob.wait("video", func() bool { return len(bob.got[video]) > 300 })
		bob.mu.Lock()
		ssrc, first := bob.got[video][0].SSRC, bob.got[video][0].SequenceNumber
		bob.mu.Unlock()
		var all []uint16
		for i := range uint16(300) {
			all = append(all, first+i)
		}
		for range 50 {
			must(bob.pc.WriteRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(all)}}))
		}
		time.Sleep(200 * time.Millisecond)
		if v := b.metric("media_retransmitted_packets_total", ""); v > 1000 {
			t.Errorf("15000 packets asked for in an instant: %v sent again", v)
		}
		if b.metric("media_dropped_packets_total", "feedback-flood") == 0 {
			t.Error("no drop was counted")
		}
	})
}
