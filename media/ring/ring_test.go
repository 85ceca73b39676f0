package ring

import (
	"bytes"
	"testing"
)

func TestRing(t *testing.T) {
	type step struct {
		seq   uint64
		size  int
		there []uint64 // after the step
	}
	for _, tc := range []struct {
		name                  string
		packets, octets, room int
		steps                 []step
	}{
		{"the index forgets the oldest", 4, 1000, 0, []step{
			{10, 10, []uint64{10}},
			{11, 10, []uint64{10, 11}},
			{12, 10, []uint64{10, 11, 12}},
			{13, 10, []uint64{10, 11, 12, 13}},
			{14, 10, []uint64{11, 12, 13, 14}},
		}},
		{"the arena forgets what is overwritten, room included", 8, 100, 10, []step{
			{10, 20, []uint64{10}},
			{11, 20, []uint64{10, 11}},
			{12, 20, []uint64{10, 11, 12}},
			{13, 10, []uint64{11, 12, 13}}, // does not fit behind 12: over the head of 10
			{14, 10, []uint64{12, 13, 14}},
		}},
		{"a late packet is kept", 4, 1000, 0, []step{
			{10, 10, []uint64{10}},
			{12, 10, []uint64{10, 12}},
			{11, 10, []uint64{10, 11, 12}},
		}},
		{"a packet too old for the index is refused", 4, 1000, 0, []step{
			{14, 10, []uint64{14}},
			{10, 10, []uint64{14}},
		}},
		{"a duplicate is refused", 4, 1000, 0, []step{
			{10, 10, []uint64{10}},
			{10, 20, []uint64{10}},
		}},
		{"a packet larger than the arena is refused", 4, 50, 10, []step{
			{10, 41, nil},
			{11, 40, []uint64{11}},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := New[int](tc.packets, tc.octets, tc.room)
			sizes := map[uint64]int{}
			for i, s := range tc.steps {
				if e := r.Put(s.seq, bytes.Repeat([]byte{byte(s.seq)}, s.size), int(s.seq)); e != nil {
					sizes[s.seq] = s.size
				}
				var there []uint64
				for seq := range uint64(30) {
					e := r.Get(seq)
					if e == nil {
						continue
					}
					there = append(there, seq)
					if e.Meta != int(seq) || !bytes.Equal(r.Packet(e), bytes.Repeat([]byte{byte(seq)}, sizes[seq])) {
						t.Fatalf("step %d: packet %d is %v", i, seq, r.Packet(e))
					}
					if len(r.Room(e)) != tc.room+sizes[seq] {
						t.Fatalf("step %d: packet %d has a room of %d", i, seq, len(r.Room(e)))
					}
				}
				if len(there) != len(s.there) {
					t.Fatalf("step %d: there are %v, want %v", i, there, s.there)
				}
				for j := range there {
					if there[j] != s.there[j] {
						t.Fatalf("step %d: there are %v, want %v", i, there, s.there)
					}
				}
			}
		})
	}
}

// FuzzRing compares with a model that keeps every packet: what the ring still has must be unharmed, and the newest must be there.
func FuzzRing(f *testing.F) {
	f.Add([]byte{1, 10, 1, 20, 3, 30, 0xFE, 40, 1, 200})
	f.Fuzz(func(t *testing.T, steps []byte) {
		const room = 7
		r := New[uint64](8, 600, room)
		model := map[uint64][]byte{}
		seq, fill := uint64(1000), byte(0)
		for ; len(steps) >= 2; steps = steps[2:] {
			seq += uint64(int64(int8(steps[0])) / 16)
			fill++
			b := bytes.Repeat([]byte{fill}, int(steps[1]))
			e := r.Put(seq, b, seq)
			if e != nil {
				model[seq] = b
				if r.Get(seq) != e {
					t.Fatalf("%d is not there after Put", seq)
				}
				clear(r.Room(e)[:room]) // the room is the sender's
			}
			for n := seq - 20; n < seq+20; n++ {
				if e := r.Get(n); e != nil && (e.Meta != n || !bytes.Equal(r.Packet(e), model[n])) {
					t.Fatalf("%d is harmed", n)
				}
			}
		}
	})
}

func TestPutDoesNotAllocate(t *testing.T) {
	r := New[[8]uint64](256, 1<<16, 64)
	b := make([]byte, 1100)
	seq := uint64(1)
	if n := testing.AllocsPerRun(1000, func() {
		r.Put(seq, b, [8]uint64{})
		r.Get(seq - 10)
		seq++
	}); n != 0 {
		t.Fatalf("%v allocations per packet, want 0", n)
	}
}
