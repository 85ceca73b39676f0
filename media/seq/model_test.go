package seq

import "testing"

// model is the rewriter without limits: it remembers everything in maps.
type model struct {
	highest, next uint64
	place         map[uint64]uint64 // of the source since the switch → of the slot; reserved
	sent          map[uint64]bool   // of the slot
	origin        map[uint64]uint64 // of the slot → of the source
}

func (m *model) swap(seq uint64) {
	m.highest = seq - 1
	m.place = map[uint64]uint64{}
}

func (m *model) take(seq uint64) {
	m.place[seq] = m.next
	m.origin[m.next] = seq
	m.next++
}

func (m *model) reserve(seq uint64) {
	for n := m.highest + 1; n < seq; n++ {
		m.take(n)
	}
	m.highest = seq
}

func (m *model) settle(seq uint64) (uint64, bool) {
	n, ok := m.place[seq]
	if !ok || m.sent[n] {
		return 0, false
	}
	m.sent[n] = true
	return n, true
}

func (m *model) pass(seq uint64) (uint64, bool) {
	if seq > m.highest {
		m.reserve(seq)
		m.take(seq)
	}
	return m.settle(seq)
}

func (m *model) drop(seq uint64) (uint64, bool) {
	if seq > m.highest {
		m.reserve(seq)
		return 0, false
	}
	n, ok := m.settle(seq)
	if ok {
		delete(m.origin, n)
	}
	return n, ok
}

// FuzzRewriter compares the rewriter with the model. Each octet is a step: two bits of action, six of how far.
func FuzzRewriter(f *testing.F) {
	f.Add([]byte{0, 1, 2, 0x41, 0x85, 3, 0xFF, 0x01, 0xC3, 0x20})
	f.Add([]byte{9, 9, 9, 0xC1, 9, 9, 0x42, 0x43, 9, 0x8F})
	f.Fuzz(func(t *testing.T, steps []byte) {
		if len(steps) > 1000 {
			return
		}
		const firstSeq = 65000
		// Long enough that nothing falls out: limits are the tables' matter.
		r := NewRewriter(90000, 1<<16, firstSeq, 0)
		m := model{next: 1<<16 + firstSeq, sent: map[uint64]bool{}, origin: map[uint64]uint64{}}
		seq := uint64(1 << 20)
		first := In{Seq: seq}
		r.Switch(1, first, 0, nil)
		m.swap(seq)
		for i, s := range steps {
			far := int64(s&0x3F) - 24 // mostly ahead, sometimes behind
			p := In{Seq: uint64(int64(seq) + far)}
			var got Out
			var ok, wantOK bool
			var want uint64
			switch s >> 6 {
			case 0, 1:
				got, ok = r.Map(p, 0)
				want, wantOK = m.pass(p.Seq)
			case 2:
				got, ok = r.Drop(p)
				want, wantOK = m.drop(p.Seq)
			case 3:
				p.Seq += 1 << 12
				r.Switch(uint32(i), p, 0, nil)
				m.swap(p.Seq)
				got, ok = r.Map(p, 0)
				want, wantOK = m.pass(p.Seq)
			}
			seq = max(seq, p.Seq)
			if ok != wantOK || ok && got.Seq != uint16(want) {
				t.Fatalf("step %d (%#x) of %d: %d %v, want %d %v", i, s, p.Seq, got.Seq, ok, uint16(want), wantOK)
			}
		}
		for n := m.next; n > max(m.next-200, 1<<16+firstSeq); n-- {
			origin, ok := r.Origin(uint16(n - 1))
			want, wantOK := m.origin[n-1]
			if ok != wantOK || ok && origin.Seq != want {
				t.Fatalf("origin of %d: %d %v, want %d %v", uint16(n-1), origin.Seq, ok, want, wantOK)
			}
		}
	})
}

func FuzzUnwrapper(f *testing.F) {
	f.Add([]byte{0, 0, 255, 255, 0, 1, 128, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var u Unwrapper
		var highest uint64
		for ; len(b) >= 2; b = b[2:] {
			n := uint16(b[0])<<8 | uint16(b[1])
			got := u.Unwrap(n)
			if uint16(got) != n || got < 1<<15 {
				t.Fatalf("%d became %d", n, got)
			}
			if d := int64(got - highest); highest != 0 && (d > 32767 || d < -32768) {
				t.Fatalf("%d after %d", got, highest)
			}
			if highest = max(highest, got); u.Highest() != highest {
				t.Fatalf("highest %d, want %d", u.Highest(), highest)
			}
		}
	})
}
