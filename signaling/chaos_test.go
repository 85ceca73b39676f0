package signaling

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
	"github.com/confab/confab/store"
	"github.com/confab/confab/store/faulty"
	"github.com/confab/confab/store/memory"
)

// go test ./signaling -run Chaos -seeds 1000 looks further than the tests of a day do.
var seeds = flag.Int("seeds", 20, "stories of TestChaos")

// survivor is a client as a good SDK is: it comes back, says again what was not acknowledged, and remembers what it has heard.
type survivor struct {
	*client
	name   string
	outbox []protocol.Command
	acked  map[string]bool
	heard  map[uint64]string
	sent   int
	from   uint64 // the last event before the first that was heard
	asked  bool   // resume was sent, and joined has not come
}

// hear takes everything that has come.
func (s *survivor) hear(t *testing.T) {
	for {
		select {
		case m, ok := <-s.in:
			if !ok {
				s.client.in = nil
				return
			}
			s.take(t, m)
		default:
			return
		}
	}
}

func (s *survivor) take(t *testing.T, m protocol.Message) {
	switch m := m.(type) {
	case *protocol.Joined:
		if s.joined != nil && !m.Recovered {
			t.Fatalf("%s was not recovered from %d", s.name, s.seq)
		}
		s.joined, s.seq, s.asked = m, m.Seq, false
		for _, c := range s.outbox {
			s.try(c)
		}
	case protocol.Event:
		if m.Sequence() != s.seq+1 {
			t.Fatalf("%s hears %d after %d", s.name, m.Sequence(), s.seq)
		}
		s.seq = m.Sequence()
		if chat, ok := m.(*protocol.ChatMessage); ok {
			s.heard[s.seq] = chat.Text
		}
	case *protocol.Ack:
		s.acked[m.ID] = true
		for i, c := range s.outbox {
			if idOf(c) == m.ID {
				s.outbox = append(s.outbox[:i:i], s.outbox[i+1:]...)
				break
			}
		}
	case *protocol.Error:
		switch {
		case m.Code == protocol.CodeSessionExpired:
			t.Fatalf("%s has lost the seat", s.name)
		case s.asked && m.Retry:
			s.conn.Close()
		}
	}
}

func (s *survivor) try(c protocol.Command) {
	frame, _ := protocol.EncodeCommand(c)
	_ = s.conn.WriteMessage(websocket.TextMessage, frame) // a socket that is lost is noticed by its reader
}

func (s *survivor) say() {
	s.sent++
	c := &protocol.Chat{ID: fmt.Sprint(s.name, s.sent), Text: fmt.Sprint(s.name, s.sent)}
	s.outbox = append(s.outbox, c)
	if s.in != nil && !s.asked {
		s.try(c)
	}
}

// back opens a socket at a node and resumes.
func (s *survivor) back(n *lab) {
	if conn, _, err := n.dialSilent(nil); err == nil {
		conn.Close()
	} else {
		return
	}
	s.conn.Close()
	fresh := n.dial()
	fresh.joined, fresh.seq = s.joined, s.seq
	s.client, s.asked = fresh, true
	s.try(&protocol.Resume{ID: "resume", Session: s.joined.Session, Epoch: s.joined.Epoch, Seq: s.seq})
}

func TestChaos(t *testing.T) {
	for seed := range *seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { chaos(t, uint64(seed)) })
	}
}

// chaos is one story: a store in trouble, sockets that are cut, commands that are sent twice, a node that is killed and replaced.
func chaos(t *testing.T, seed uint64) {
	inLab(t, Options{}, func(l *lab) {
		random := rand.New(rand.NewPCG(seed, 1))
		shared := memory.New()
		defer shared.Close()
		var bad []*faulty.Store
		limits := Limits{Ring: 16, SocketRate: 1e6, SocketBurst: 1e6, Hold: 5 * time.Minute, Patience: 3 * time.Second}
		open := func() (*lab, func()) {
			f := faulty.New(shared.Join(), seed+uint64(len(bad)))
			bad = append(bad, f)
			return l.another(Options{Limits: limits}, f)
		}
		nodes, kills := make([]*lab, 2), make([]func(), 2)
		for i := range nodes {
			nodes[i], kills[i] = open()
		}
		var all []*survivor
		for i := range 4 {
			c := nodes[i%2].join("r", fmt.Sprint("p", i))
			all = append(all, &survivor{client: c, name: fmt.Sprint("p", i, "-"), acked: map[string]bool{}, heard: map[uint64]string{}, from: c.joined.Seq})
		}
		trouble := func(on bool) {
			chance := faulty.Chance{}
			if on {
				chance = faulty.Chance{Before: .1, After: .1, Stalled: .02, LateStall: .02, Ops: []faulty.Op{faulty.Append, faulty.Read}}
			}
			for _, f := range bad {
				f.SetChance(chance)
				f.Stall(false)
			}
		}
		trouble(true)
		for range 60 {
			time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond)
			s := all[random.IntN(len(all))]
			switch random.IntN(12) {
			case 0:
				s.conn.Close()
			case 1:
				s.back(nodes[random.IntN(2)])
			case 2:
				if len(s.outbox) > 0 && !s.asked && s.in != nil {
					s.try(s.outbox[random.IntN(len(s.outbox))])
				}
			case 3:
				if random.IntN(3) == 0 {
					i := random.IntN(2)
					kills[i]()
					nodes[i], kills[i] = open()
					trouble(true)
				}
			case 4:
				bad[len(bad)-1].Stall(random.IntN(3) == 0)
			default:
				s.say()
			}
			for _, s := range all {
				s.hear(l.T)
				if s.in == nil && random.IntN(3) == 0 {
					s.back(nodes[random.IntN(2)])
				}
			}
		}
		trouble(false)
		for range 200 { // until everybody has said and heard everything
			time.Sleep(500 * time.Millisecond)
			quiet := true
			for i, s := range all {
				s.hear(l.T)
				if s.in == nil {
					s.back(nodes[i%2])
				} else if !s.asked {
					for _, c := range s.outbox {
						s.try(c)
					}
				}
				quiet = quiet && s.in != nil && !s.asked && len(s.outbox) == 0 && s.seq == all[0].seq
			}
			if quiet {
				break
			}
		}
		checkChaos(l.T, shared, all)
		for _, s := range all {
			s.conn.Close()
		}
	})
}

func checkChaos(t *testing.T, kept store.Store, all []*survivor) {
	t.Helper()
	info, err := kept.Find(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	times, text := map[string]int{}, map[uint64]string{}
	for seq := uint64(0); seq < info.Last; {
		records, err := kept.Read(t.Context(), "r", info.Epoch, seq, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			seq = r.Seq
			e, err := room.Decode(r.Seq, r.At, r.Kind, r.Data)
			if err != nil {
				t.Fatal(err)
			}
			if said, ok := e.(*room.Said); ok {
				times[said.Text]++
				text[r.Seq] = said.Text
			}
		}
	}
	for _, s := range all {
		if s.seq != info.Last || len(s.outbox) != 0 {
			t.Errorf("%s has heard up to %d of %d, and %d commands are not acknowledged", s.name, s.seq, info.Last, len(s.outbox))
		}
		for i := 1; i <= s.sent; i++ {
			if id := fmt.Sprint(s.name, i); times[id] != 1 || !s.acked[id] {
				t.Errorf("%s is in the log %d times, acknowledged %v", id, times[id], s.acked[id])
			}
		}
		for seq, said := range text {
			if heard, ok := s.heard[seq]; ok && heard != said || !ok && seq > s.from {
				t.Errorf("%s has heard %q as event %d, the log says %q", s.name, heard, seq, said)
			}
		}
	}
}
