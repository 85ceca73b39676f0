package relay

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics are the relay's numbers. Users and addresses are never labels.
type metrics struct {
	allocations      *prometheus.GaugeVec   // {transport}
	allocationsTotal *prometheus.CounterVec // {transport}
	connections      prometheus.Gauge
	refusals         *prometheus.CounterVec // {reason}
	authFailures     *prometheus.CounterVec // {reason}
	drops            *prometheus.CounterVec // {reason}

	traffic  map[string]*traffic  // by the client's transport
	forwards prometheus.Histogram // sampled
}

// traffic is what one transport's clients relay.
type traffic struct{ toPeer, toClient flow }

// flow counts datagrams of one direction; resolved once, since it is used per packet.
type flow struct{ packets, bytes prometheus.Counter }

func (f flow) count(n int) { f.add(1, n) }

func (f flow) add(packets, bytes int) {
	f.packets.Add(float64(packets))
	f.bytes.Add(float64(bytes))
}

// transports are the ways a client can come.
var transports = []string{"udp", "tcp", "tls", "dtls"}

func newMetrics(r prometheus.Registerer, freePorts func() int) *metrics {
	f := promauto.With(r)
	packets := f.NewCounterVec(prometheus.CounterOpts{Name: "relay_packets_total", Help: "Relayed datagrams by direction and the client's transport."}, []string{"direction", "transport"})
	bytes := f.NewCounterVec(prometheus.CounterOpts{Name: "relay_bytes_total", Help: "Payload bytes of relayed datagrams by direction and the client's transport."}, []string{"direction", "transport"})
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "relay_ports_free", Help: "Ports left for new allocations."},
		func() float64 { return float64(freePorts()) })
	m := &metrics{
		allocations:      f.NewGaugeVec(prometheus.GaugeOpts{Name: "relay_allocations", Help: "Live allocations by the client's transport."}, []string{"transport"}),
		allocationsTotal: f.NewCounterVec(prometheus.CounterOpts{Name: "relay_allocations_total", Help: "Allocations made by the client's transport."}, []string{"transport"}),
		connections:      f.NewGauge(prometheus.GaugeOpts{Name: "relay_connections", Help: "Open TCP, TLS and DTLS client connections."}),
		refusals:         f.NewCounterVec(prometheus.CounterOpts{Name: "relay_refusals_total", Help: "Requests answered with an error, and connections closed, by reason."}, []string{"reason"}),
		authFailures:     f.NewCounterVec(prometheus.CounterOpts{Name: "relay_auth_failures_total", Help: "Requests whose credentials did not hold."}, []string{"reason"}),
		drops:            f.NewCounterVec(prometheus.CounterOpts{Name: "relay_dropped_packets_total", Help: "Datagrams and messages dropped without an answer, by reason."}, []string{"reason"}),
		traffic:          map[string]*traffic{},
		forwards: f.NewHistogram(prometheus.HistogramOpts{
			Name: "relay_forward_seconds", Help: "Time from reading a datagram to having sent it on; one of many is looked at.",
			Buckets: []float64{5e-6, 10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 50e-3},
		}),
	}
	for _, t := range transports {
		m.traffic[t] = &traffic{
			toPeer:   flow{packets.WithLabelValues("to_peer", t), bytes.WithLabelValues("to_peer", t)},
			toClient: flow{packets.WithLabelValues("to_client", t), bytes.WithLabelValues("to_client", t)},
		}
	}
	return m
}

// trafficOf never is nil: an unknown transport counts as udp.
func (m *metrics) trafficOf(transport string) *traffic {
	if t := m.traffic[transport]; t != nil {
		return t
	}
	return m.traffic["udp"]
}

func (m *metrics) drop(reason string)        { m.drops.WithLabelValues(reason).Inc() }
func (m *metrics) refuse(reason string)      { m.refusals.WithLabelValues(reason).Inc() }
func (m *metrics) authFailure(reason string) { m.authFailures.WithLabelValues(reason).Inc() }
