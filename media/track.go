package media

import (
	"sync/atomic"
	"time"

	"github.com/confab/confab/media/answer"
	"github.com/confab/confab/media/codec"
	"github.com/confab/confab/media/layer"
	"github.com/confab/confab/media/record"
	"github.com/confab/confab/media/seq"
)

// track is one source of a peer as negotiated: one section that the client sends.
type track struct {
	conn   *connection
	source Source
	mid    string
	id     uint32
	video  bool
	rids   []string // simulcast encodings, smallest first; empty: one encoding without a name

	muted    atomic.Bool                                  // set by the room
	interest atomic.Uint64                                // bit i: shard i has a feed of it
	current  [layer.MaxEncodings]atomic.Pointer[encoding] // set by the receive loop
	feeds    []*feed                                      // one per shard; element i is touched by shard i only
	arrived  bool                                         // home shard: a packet has come

	tapped *record.Recording // home shard: what tap belongs to
	tap    *record.Input     // nil: the recording takes no more
}

// encodings is how many encodings may come.
func (t *track) encodings() int { return max(1, len(t.rids)) }

// encoding is one incoming SSRC of a track. A publisher that changes the SSRC makes a new encoding.
type encoding struct {
	track *track
	index int // 0: the smallest
	id    uint32
	ssrc  uint32
	born  time.Duration // engine time

	unwrap seq.Unwrapper // receive loop's, like the next
	parser *codec.Parser
	format *format

	up *upstream // home shard's

	asked  atomic.Bool                // a keyframe request is on its way to the home shard
	seen   atomic.Int64               // engine time of the last packet
	report atomic.Pointer[seq.Report] // of the last sender report, on our wall clock
}

// recent tells whether a packet came in the last two seconds.
func (e *encoding) recent(now time.Duration) bool {
	return now-time.Duration(e.seen.Load()) < 2*time.Second
}

// extension is a header extension that is passed on.
type extension uint8

const (
	extLevel extension = iota
	extPlayout
	extCapture
	extDependency
	extensions
)

var extensionURIs = [extensions]string{answer.URIAudioLevel, answer.URIPlayoutDelay, answer.URIAbsCaptureTime, answer.URIDependencyDescr}

// extensionIDs are the ids one client uses; 0: not negotiated.
type extensionIDs [extensions]uint8

// format is one payload type of a client.
type format struct {
	codec.Kind
	profile string // H264
	rate    uint32
	pt      uint8
	rtx     uint8 // its retransmissions'; 0: none
	nack    bool
	apt     uint8 // not 0: this is the retransmission format of apt
	ids     extensionIDs
}

var kinds = map[string]codec.Kind{"opus": codec.Opus, "VP8": codec.VP8, "VP9": codec.VP9, "H264": codec.H264, "AV1": codec.AV1}

// formatsOf lists the formats of a section by payload type.
func formatsOf(s *answer.Section, ids extensionIDs) []*format {
	var out []*format
	for i := range s.Codecs {
		c := &s.Codecs[i]
		f := &format{Kind: kinds[c.Name], profile: c.Profile, rate: c.ClockRate, pt: c.PayloadType, rtx: c.RTX, nack: c.Nack(), ids: ids}
		out = append(out, f)
		if c.RTX != 0 {
			out = append(out, &format{pt: c.RTX, apt: c.PayloadType, rate: c.ClockRate, ids: ids})
		}
	}
	return out
}

func idsOf(list []answer.Extension) (ids extensionIDs) {
	for _, e := range list {
		for i, uri := range extensionURIs {
			if e.URI == uri {
				ids[i] = e.ID
			}
		}
	}
	return ids
}

// smallestFirst orders simulcast names by size. Known families are sorted by name, as their order in the SDP is only a
// preference (RFC 8853 §5.2); others keep the order of the SDP, which is that of sendEncodings, smallest first by custom.
func smallestFirst(rids []string) []string {
	for _, family := range [][]string{{"q", "h", "f"}, {"l", "m", "h"}, {"low", "mid", "high"}, {"s", "m", "l"}} {
		var sorted []string
		for _, name := range family {
			for _, rid := range rids {
				if rid == name {
					sorted = append(sorted, rid)
				}
			}
		}
		if len(sorted) == len(rids) {
			return sorted
		}
	}
	return rids
}
