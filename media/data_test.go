package media

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// channel is a client's end of a data channel.
type channel struct {
	c    *client
	dc   *webrtc.DataChannel
	open bool
	shut bool
	got  [][]byte
}

func (c *client) channel(label string) *channel {
	opts := &webrtc.DataChannelInit{}
	if label == "lossy" {
		no, zero := false, uint16(0)
		opts = &webrtc.DataChannelInit{Ordered: &no, MaxRetransmits: &zero}
	}
	dc, err := c.pc.CreateDataChannel(label, opts)
	must(err)
	ch := &channel{c: c, dc: dc}
	dc.OnOpen(func() { c.update(func() { ch.open = true }) })
	dc.OnClose(func() { c.update(func() { ch.shut = true }) })
	dc.OnMessage(func(m webrtc.DataChannelMessage) { c.update(func() { ch.got = append(ch.got, m.Data) }) })
	return ch
}

func TestDataReachesTheOthersWithTheSender(t *testing.T) {
	virtual(t, func(b *bench) {
		chans := map[string]map[string]*channel{}
		for _, name := range []string{"alice", "bob", "carol"} {
			c := b.join("r", name, clientOptions{data: true})
			chans[name] = map[string]*channel{"reliable": c.channel("reliable"), "lossy": c.channel("lossy")}
			c.negotiate()
		}
		for _, two := range chans {
			for _, ch := range two {
				ch.c.wait("open", func() bool { return ch.open })
			}
		}
		time.Sleep(100 * time.Millisecond)
		for _, label := range []string{"reliable", "lossy"} {
			must(chans["alice"][label].dc.SendText("hej " + label))
			must(chans["alice"][label].dc.Send([]byte{1, 2, 3}))
			for _, name := range []string{"bob", "carol"} {
				ch := chans[name][label]
				ch.c.wait("two messages", func() bool { return len(ch.got) == 2 })
				want := [][]byte{append([]byte{1, 5}, "alicehej "+label...), append([]byte{0, 5}, "alice\x01\x02\x03"...)}
				if label == "lossy" && !bytes.Equal(ch.got[0], want[0]) {
					ch.got[0], ch.got[1] = ch.got[1], ch.got[0]
				}
				for i := range want {
					if !bytes.Equal(ch.got[i], want[i]) {
						t.Errorf("%s got %q, want %q", name, ch.got[i], want[i])
					}
				}
			}
			if n := len(chans["alice"][label].got); n > 0 {
				t.Errorf("alice got %d of her own messages", n)
			}
		}
		big := bytes.Repeat([]byte{7}, 60<<10)
		must(chans["bob"]["reliable"].dc.Send(big))
		ch := chans["alice"]["reliable"]
		ch.c.wait("60 KiB", func() bool { return len(ch.got) == 1 && len(ch.got[0]) == len(big)+5 })
	})
}

func TestDataNeedsItsGrantAndLabel(t *testing.T) {
	virtual(t, func(b *bench) {
		mute := b.join("r", "mute", clientOptions{})
		no := mute.channel("reliable")
		mute.negotiate()
		alice := b.join("r", "alice", clientOptions{data: true})
		odd := alice.channel("odd")
		alice.negotiate()
		mute.wait("refused", func() bool { return no.shut })
		alice.wait("refused", func() bool { return odd.shut })
	})
}

func TestSlowReceiverIsCutOffReliableAndSparedLossy(t *testing.T) {
	virtual(t, func(b *bench) {
		alice := b.join("r", "alice", clientOptions{data: true})
		bob := b.join("r", "bob", clientOptions{data: true})
		ar, al, br, bl := alice.channel("reliable"), alice.channel("lossy"), bob.channel("reliable"), bob.channel("lossy")
		alice.negotiate()
		bob.negotiate()
		for _, ch := range []*channel{ar, al, br, bl} {
			ch.c.wait("open", func() bool { return ch.open })
		}
		time.Sleep(100 * time.Millisecond)
		b.losing(func(from, _ string, _ []byte) bool { return from == "10.0.0.3" }) // bob hears and acknowledges nothing
		chunk := make([]byte, 32<<10)
		for range 30 {
			must(al.dc.Send(chunk))
			time.Sleep(20 * time.Millisecond)
		}
		alice.wait("lossy messages to drop", func() bool { return b.metric("media_dropped_packets_total", "data-slow") > 5 })
		if bob.peer.conn.data.get(labelLossy) == nil {
			t.Error("the lossy channel was closed")
		}
		for range 160 { // 5 MB
			must(ar.dc.Send(chunk))
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(5 * time.Second)
		if bob.peer.conn.data.get(labelReliable) != nil {
			t.Error("the reliable channel was not closed")
		}
	})
}

// A receiver that acknowledges nothing and opens its channel again and again must not collect a backlog with each.
func TestReopenedChannelsShareOneBacklog(t *testing.T) {
	virtual(t, func(b *bench) {
		alice := b.join("r", "alice", clientOptions{data: true})
		bob := b.join("r", "bob", clientOptions{data: true})
		ar, br := alice.channel("reliable"), bob.channel("reliable")
		alice.negotiate()
		bob.negotiate()
		for _, ch := range []*channel{ar, br} {
			ch.c.wait("open", func() bool { return ch.open })
		}
		time.Sleep(100 * time.Millisecond)
		b.losing(func(from, _ string, _ []byte) bool { return from == "10.0.0.3" })
		conn := bob.peer.conn
		chunk := make([]byte, 60<<10)
		for again := range uint16(3) {
			for range 90 { // 5.4 MB
				must(ar.dc.Send(chunk))
				time.Sleep(20 * time.Millisecond)
			}
			alice.wait("cut", func() bool { return conn.data.get(labelReliable) == nil })
			negotiated, id := true, 100+again // what a new channel of bob's is for the server, without a word from him
			dc, err := conn.tr.PC().CreateDataChannel(labelReliable, &webrtc.DataChannelInit{Negotiated: &negotiated, ID: &id})
			must(err)
			time.Sleep(100 * time.Millisecond)
			conn.data.mu.Lock()
			conn.data.open[labelReliable] = dc
			conn.data.mu.Unlock()
		}
		if n := conn.tr.PC().SCTP().BufferedAmount(); n > reliableBacklog+2*len(chunk) {
			t.Errorf("%d bytes wait for one receiver, at most %d should", n, reliableBacklog)
		}
	})
}
