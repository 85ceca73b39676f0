package signaling

import "github.com/confab/confab/signaling/protocol"

// entry is an event of the log, encoded.
type entry struct {
	public  []byte // for everybody, or for everybody but a and b
	private []byte // for a and b; nil if the event is public
	a, b    string
}

func (e entry) frame(id string) []byte {
	if e.private != nil && (id == e.a || id == e.b) {
		return e.private
	}
	return e.public
}

func (e entry) size() int { return len(e.public) + len(e.private) }

// ring keeps the newest events of a room for those who come back. Its bounds hold after every add.
type ring struct {
	entries []entry // oldest first
	newest  uint64  // seq of the last entry; 0 before the first
	bytes   int
	maxLen  int
	maxSize int
}

// add appends the event with the next seq.
func (r *ring) add(seq uint64, e entry) {
	r.newest = seq
	r.entries = append(r.entries, e)
	r.bytes += e.size()
	drop := 0
	for len(r.entries)-drop > r.maxLen || r.bytes > r.maxSize && len(r.entries)-drop > 0 {
		r.bytes -= r.entries[drop].size()
		r.entries[drop] = entry{}
		drop++
	}
	r.entries = r.entries[drop:]
}

// since returns the frames of all events after seq as the participant may see them, oldest first, and whether these are
// really all: seq may be too long ago, or of no event that has happened.
func (r *ring) since(seq uint64, id string) (frames [][]byte, complete bool) {
	if seq > r.newest || r.newest-seq > uint64(len(r.entries)) {
		return nil, false
	}
	for _, e := range r.entries[len(r.entries)-int(r.newest-seq):] {
		frames = append(frames, e.frame(id))
	}
	return frames, true
}

// mustEncode encodes a message of the protocol's table, which cannot fail.
func mustEncode(m protocol.Message) []byte {
	frame, err := protocol.EncodeMessage(m)
	if err != nil {
		panic(err)
	}
	return frame
}
