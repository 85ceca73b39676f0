package media

import "github.com/prometheus/client_golang/prometheus"

// reason says why a packet was not sent on, or not taken in.
type reason uint8

const (
	dropMalformed   reason = iota // not RTP, or a broken payload descriptor
	dropUnknown                   // an SSRC that belongs to no negotiated track, or one too many
	dropFormat                    // a payload type that was not negotiated
	dropQueue                     // a shard had too much to do
	dropDuplicate                 // came twice, or too late for the ring
	dropLayer                     // not of the layers that the slot shows
	dropCodec                     // the subscriber lacks the codec
	dropNotReady                  // the subscriber has no keys or no path yet
	dropOld                       // the rewriter cannot place it any more
	dropSize                      // does not fit in a datagram
	dropPadding                   // carried nothing
	dropRTXGone                   // asked for again, but not in the ring any more, or sent again just now
	dropFeedback                  // RTCP that came faster than it can be served
	dropDataSlow                  // data channel message for a receiver that does not keep up
	dropDataInvalid               // data channel message too large, or in a channel with another label
	dropRecorder                  // a recording whose disk is too slow
	reasons
)

var reasonNames = [reasons]string{
	"malformed", "unknown-ssrc", "unknown-format", "queue-full", "duplicate-or-late", "layer", "codec", "not-ready",
	"too-old", "too-large", "padding", "retransmission-gone", "feedback-flood", "data-slow", "data-invalid",
	"recorder-slow",
}

// metrics are the engine's. Per packet, shards count for themselves (see tally) and add up when a burst has ended.
type metrics struct {
	dropped                      [reasons]prometheus.Counter
	received, sent, sentBytes    prometheus.Counter
	retransmitted, nacked        prometheus.Counter
	keyframeAsks, panics         prometheus.Counter
	dataIn, dataOut, negotiation prometheus.Counter
	peers, rooms, recordings     prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	if r == nil {
		r = prometheus.NewRegistry()
	}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		r.MustRegister(c)
		return c
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		r.MustRegister(g)
		return g
	}
	m := &metrics{
		received:      counter("media_received_packets_total", "RTP packets of negotiated sources taken in."),
		sent:          counter("media_sent_packets_total", "RTP packets sent to subscribers, retransmissions included."),
		sentBytes:     counter("media_sent_bytes_total", "Bytes of RTP sent to subscribers, without SRTP tag, UDP and IP."),
		retransmitted: counter("media_retransmitted_packets_total", "Packets sent again because a subscriber asked (RFC 4588)."),
		nacked:        counter("media_nacked_packets_total", "Packets asked for again from publishers (RFC 4585)."),
		keyframeAsks:  counter("media_keyframe_requests_total", "PLIs sent to publishers."),
		panics:        counter("media_recovered_panics_total", "Negotiations that failed by a panic; each is a bug."),
		dataIn:        counter("media_data_received_messages_total", "Data channel messages taken in."),
		dataOut:       counter("media_data_sent_messages_total", "Data channel messages passed on."),
		negotiation:   counter("media_negotiations_total", "Offers answered."),
		peers:         gauge("media_peers", "Connections that exist."),
		rooms:         gauge("media_rooms", "Rooms with at least one connection."),
		recordings:    gauge("media_recordings", "Rooms that are being recorded."),
	}
	dropped := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "media_dropped_packets_total",
		Help: "Packets and messages not passed on, by reason."}, []string{"reason"})
	r.MustRegister(dropped)
	for i := range m.dropped {
		m.dropped[i] = dropped.WithLabelValues(reasonNames[i])
	}
	return m
}

// tally counts for one goroutine, so that the packet path shares no memory with others.
type tally struct {
	dropped                                [reasons]uint32
	received, sent, bytes, resent, nackOut uint32
	dirty                                  bool
}

func (t *tally) drop(r reason) { t.dropped[r]++; t.dirty = true }

// flush adds the counts to m.
func (t *tally) flush(m *metrics) {
	if !t.dirty {
		return
	}
	for i, n := range t.dropped {
		if n > 0 {
			m.dropped[i].Add(float64(n))
		}
	}
	m.received.Add(float64(t.received))
	m.sent.Add(float64(t.sent))
	m.sentBytes.Add(float64(t.bytes))
	m.retransmitted.Add(float64(t.resent))
	m.nacked.Add(float64(t.nackOut))
	*t = tally{}
}
