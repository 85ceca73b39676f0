package signaling

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
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
	acked  map[string]uint64 // seq of the last event, by command; 0: there was nothing to do
	denied map[string]bool   // commands that were refused for good
	heard  map[uint64]string // what an event says, where it says the same to all and at all times
	own    []uint64          // messages of one's own
	sent   int
	chats  []string // ids of what was said
	from   uint64   // the last event before the first that was heard
	asked  bool     // resume was sent, and joined has not come
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
		if lasting(m) {
			s.heard[s.seq] = string(mustEncode(m))
		}
		if chat, ok := m.(*protocol.ChatMessage); ok && chat.From == s.joined.Self {
			s.own = append(s.own, chat.Seq)
		}
	case *protocol.Ack:
		if before := s.acked[m.ID]; before != 0 && before != m.Seq {
			t.Fatalf("%s was told that %s is event %d and event %d", s.name, m.ID, before, m.Seq)
		}
		s.acked[m.ID] = m.Seq
		s.settled(m.ID)
	case *protocol.Error:
		switch {
		case m.Code == protocol.CodeSessionExpired:
			t.Fatalf("%s has lost the seat", s.name)
		case s.asked && m.Retry:
			s.conn.Close()
		case m.ID != "" && !m.Retry:
			s.denied[m.ID] = true
			s.settled(m.ID)
		}
	}
}

// settled takes a command out of the outbox.
func (s *survivor) settled(id string) {
	s.outbox = slices.DeleteFunc(s.outbox, func(c protocol.Command) bool { return idOf(c) == id })
}

// lasting reports whether an event says the same to everybody and at all times: what says how somebody is now does not.
func lasting(e protocol.Event) bool {
	switch e.(type) {
	case *protocol.ChatMessage, *protocol.ChatEdited, *protocol.ChatDeleted, *protocol.ChatReacted, *protocol.ParticipantLeft:
		return true
	}
	return false
}

func (s *survivor) try(c protocol.Command) {
	frame, _ := protocol.EncodeCommand(c)
	_ = s.conn.WriteMessage(websocket.TextMessage, frame) // a socket that is lost is noticed by its reader
}

func (s *survivor) say() {
	s.do(func(id string) protocol.Command {
		s.chats = append(s.chats, id)
		return &protocol.Chat{ID: id, Text: id}
	})
}

// do puts a command into the outbox and sends it.
func (s *survivor) do(command func(id string) protocol.Command) {
	s.sent++
	c := command(fmt.Sprint(s.name, s.sent))
	s.outbox = append(s.outbox, c)
	if s.in != nil && !s.asked {
		s.try(c)
	}
}

// meddle changes something that others have a part in: a message, somebody's sources or role, the room.
func (s *survivor) meddle(random *rand.Rand, all []*survivor) {
	message := uint64(1)
	if heard := slices.Sorted(maps.Keys(s.heard)); len(heard) > 0 {
		message = heard[random.IntN(len(heard))]
	}
	target, sources := all[random.IntN(len(all))].joined.Self, []protocol.Source{protocol.Camera, protocol.Microphone}[random.IntN(2):]
	s.do(func(id string) protocol.Command {
		switch random.IntN(9) {
		case 0:
			if len(s.own) > 0 {
				message = s.own[random.IntN(len(s.own))]
			}
			return &protocol.ChatEdit{ID: id, Message: message, Text: "edited by " + id}
		case 1:
			return &protocol.ChatDelete{ID: id, Message: message}
		case 2, 3:
			return &protocol.ChatReact{ID: id, Message: message, Emoji: "👍", On: random.IntN(3) > 0}
		case 4:
			return &protocol.Mute{ID: id, Target: target, Sources: sources, Hold: random.IntN(2) == 0}
		case 5:
			return &protocol.Allow{ID: id, Target: target, Sources: sources}
		case 6:
			return &protocol.SetRole{ID: id, Target: target, Role: []protocol.Role{protocol.RoleMember, protocol.RoleModerator}[random.IntN(2)]}
		case 7:
			return &protocol.SetRoom{ID: id, People: 10 + random.IntN(50)}
		}
		return &protocol.State{ID: id, Microphone: random.IntN(2) == 0, Camera: random.IntN(2) == 0, Hand: random.IntN(2) == 0}
	})
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

// chaos is one story: a store in trouble, sockets that are cut, commands that are sent twice, moderators at work, a node that is killed and replaced, and one that
// the store cannot be reached from, until the others take it for dead.
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
			all = append(all, &survivor{client: c, name: fmt.Sprint("p", i, "-"), acked: map[string]uint64{}, denied: map[string]bool{}, heard: map[uint64]string{}, from: c.joined.Seq})
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
			switch random.IntN(16) {
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
			case 5:
				if random.IntN(4) == 0 { // a partition
					alone := bad[len(bad)-1-random.IntN(2)]
					alone.SetChance(faulty.Chance{Before: 1})
					time.Sleep(time.Duration(random.IntN(15)) * time.Second)
					trouble(true)
				}
			case 6, 7, 8, 9:
				s.meddle(random, all)
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

// checkChaos compares what everybody was told with the log: every command of a client is there at most once, and as what was acknowledged; everybody has heard
// the same events in the same places; whoever is there is seen to be there.
func checkChaos(t *testing.T, kept store.Store, all []*survivor) {
	t.Helper()
	info, err := kept.Find(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	type command struct{ by, id string }
	state, last, text := room.New(room.Config{Node: "check", People: 100, Succession: true}), map[command][]uint64{}, map[uint64]string{}
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
			state.Evolve(e)
			if wire := room.Wire(state, e, ""); lasting(wire) {
				text[seq] = string(mustEncode(wire))
			}
			if h := e.Head(); h.Cmd != "" {
				of := command{h.By, h.Cmd}
				if seqs := last[of]; len(seqs) > 0 && seqs[len(seqs)-1] != seq-1 {
					t.Errorf("%+v is in the log as %v and as %d", of, seqs, seq)
				}
				last[of] = append(last[of], seq)
			}
		}
	}
	for _, s := range all {
		if s.seq != info.Last || len(s.outbox) != 0 {
			t.Errorf("%s has heard up to %d of %d, and %d commands are not acknowledged", s.name, s.seq, info.Last, len(s.outbox))
		}
		self := s.joined.Self
		if seat := state.Seat(self); seat == nil || !seat.Online {
			t.Errorf("%s is there, and the others do not see it: %v", s.name, seat != nil)
		}
		for i := 1; i <= s.sent; i++ {
			id := fmt.Sprint(s.name, i)
			seqs := last[command{self, id}]
			if acked := s.acked[id]; acked != 0 && (len(seqs) == 0 || seqs[len(seqs)-1] != acked) {
				t.Errorf("%s was acknowledged as event %d, and the log has it as %v", id, acked, seqs)
			}
			if slices.Contains(s.chats, id) && (len(seqs) != 1 || s.acked[id] != seqs[0] || s.denied[id]) {
				t.Errorf("%s was said, and is in the log as %v; acknowledged as %d, refused %v", id, seqs, s.acked[id], s.denied[id])
			}
		}
		for seq, want := range text {
			if heard, ok := s.heard[seq]; ok && heard != want || !ok && seq > s.from {
				t.Errorf("%s has heard %s as event %d, the log says %s", s.name, heard, seq, want)
			}
		}
		for seq, heard := range s.heard {
			if _, ok := text[seq]; !ok {
				t.Errorf("%s has heard %s as event %d, which it is not", s.name, heard, seq)
			}
		}
	}
}
