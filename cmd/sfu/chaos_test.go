package main

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
	"github.com/confab/confab/store"
	"github.com/confab/confab/store/backend"
)

// checkLog compares what people were told with what a store holds: every message once, acknowledged as what it is, heard by all as what it is.
func checkLog(t *testing.T, location, id string, people []*person) {
	t.Helper()
	s, err := backend.Open(t.Context(), location, backend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if c, ok := s.(store.Checker); ok {
		if err := c.Check(t.Context()); err != nil {
			t.Errorf("the store is damaged: %v", err)
		}
	}
	info, err := s.Find(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	log, at := map[uint64]string{}, map[string][]uint64{}
	for seq := uint64(0); seq < info.Last; {
		records, err := s.Read(t.Context(), id, info.Epoch, seq, 0)
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
				log[seq] = said.Text
				at[said.Text] = append(at[said.Text], seq)
			}
		}
	}
	total := 0
	for _, p := range people {
		p.leave()
		for _, err := range p.faults {
			t.Errorf("%s: %v", p.name, err)
		}
		for i := 1; i <= p.said; i++ {
			text := fmt.Sprint(p.name, "-", i)
			if seqs := at[text]; len(seqs) != 1 || p.acked[text] != seqs[0] {
				t.Errorf("%s is in the log as %v, and was acknowledged as %d", text, seqs, p.acked[text])
			}
		}
		total += p.said
		for seq, text := range p.heard {
			if log[seq] != text {
				t.Errorf("%s has heard %q as event %d, the log has %q", p.name, text, seq, log[seq])
			}
		}
		for seq, text := range log {
			if _, ok := p.heard[seq]; !ok && seq <= p.seq && seq > p.since() {
				t.Errorf("%s has not heard %q, event %d", p.name, text, seq)
			}
		}
	}
	if len(log) != total {
		t.Errorf("%d messages are in the log, %d were said", len(log), total)
	}
	t.Logf("%d people, %d messages, %d events", len(people), total, info.Last)
}

// since is the first message that the person was there for: their own first one at the latest.
func (p *person) since() uint64 {
	if p.said == 0 {
		return p.seq
	}
	return p.acked[fmt.Sprint(p.name, "-1")]
}

// crowd brings people into a room; each has said something.
func crowd(t *testing.T, n int, at func() string) []*person {
	t.Helper()
	var people []*person
	for i := range n {
		people = append(people, arrive(t, fmt.Sprint("abcdefgh"[i:i+1], "-person"), at, protocol.Join{Room: "r"}))
		people[i].say()
	}
	settled(people)
	return people
}

// Servers that are killed and stopped, sockets that are cut, frames that are doubled and reordered: nothing is lost, doubled or told in another order.
func TestChaosOfProcesses(t *testing.T) {
	t.Parallel()
	location := "sqlite:" + filepath.Join(t.TempDir(), "rooms.db")
	server := launch(t, "--store="+location)
	people := crowd(t, 4, server.where)
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 8 {
		for range 40 {
			p := people[random.IntN(len(people))]
			if random.IntN(20) == 0 {
				p.cut()
			}
			p.say()
			time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
		}
		switch {
		case round%3 == 2:
			server.restart(syscall.SIGTERM)
		default:
			server.restart(syscall.SIGKILL)
		}
	}
	settled(people)
	for _, p := range people {
		p.look(func() {
			if p.resumes == 0 {
				t.Errorf("%s has not resumed", p.name)
			}
		})
	}
	server.signal(syscall.SIGTERM)
	checkLog(t, location, "r", people)
}

// trouble is how a store is kept from being written.
type trouble struct {
	begin, end func()
}

// What cannot be written is refused in time and sent again, and the call goes on: signals between peers and pings need no log.
func inTrouble(t *testing.T, location string, server *program, make func() trouble) {
	people := crowd(t, 3, server.where)
	ann, bob := people[0], people[1]
	trouble := make()
	trouble.begin()
	for range 5 {
		for _, p := range people {
			p.say()
		}
	}
	// The exchange is over before anybody is told that the log does not answer, and goes on after that.
	exchange := func(step string) {
		t.Helper()
		ann.send(&protocol.Signal{To: bob.joined.Self, Generation: 1, Candidate: &protocol.Candidate{Candidate: step}})
		next(bob, func(s *protocol.PeerSignal) bool { return s.Candidate.Candidate == step })
		bob.send(&protocol.Signal{To: ann.joined.Self, Generation: 1, Description: &protocol.Description{Type: protocol.SDPOffer, SDP: step}})
		next(ann, func(s *protocol.PeerSignal) bool { return s.Description != nil && s.Description.SDP == step })
		ann.send(&protocol.Ping{ID: step})
		next(ann, func(p *protocol.Pong) bool { return p.ID == step })
	}
	exchange("at-once")
	for _, p := range people {
		p.until("a refusal", func() bool { return p.refused[protocol.CodeUnavailable] > 0 })
	}
	exchange("after-the-refusals")
	for _, p := range people {
		p.look(func() {
			if n := len(p.heard); n > 3 {
				t.Errorf("%s has heard %d messages, of which 3 can be safe", p.name, n)
			}
			if p.resumes > 0 {
				t.Errorf("%s has lost its socket", p.name)
			}
		})
	}
	trouble.end()
	settled(people)
	server.signal(syscall.SIGTERM)
	checkLog(t, location, "r", people)
}

func TestAStalledStore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rooms.db")
	server := launch(t, "--store=sqlite:"+path)
	inTrouble(t, "sqlite:"+path, server, func() trouble {
		db, err := sql.Open("sqlite", path) // another process that has the file's write lock
		if err != nil {
			t.Fatal(err)
		}
		conn, err := db.Conn(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		run := func(statement string) {
			if _, err := conn.ExecContext(context.Background(), statement); err != nil {
				t.Fatal(err)
			}
		}
		t.Cleanup(func() { _ = db.Close() })
		return trouble{
			begin: func() { run("PRAGMA busy_timeout=5000"); run("BEGIN IMMEDIATE") },
			end:   func() { run("ROLLBACK"); _ = conn.Close() },
		}
	})
}
