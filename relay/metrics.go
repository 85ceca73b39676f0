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

	toPeer, toClient flow
}

// flow counts datagrams of one direction; resolved once, since it is used per packet.
type flow struct{ packets, bytes prometheus.Counter }

func (f flow) count(n int) {
	f.packets.Inc()
	f.bytes.Add(float64(n))
}

func newMetrics(r prometheus.Registerer, freePorts func() int) *metrics {
	f := promauto.With(r)
	packets := f.NewCounterVec(prometheus.CounterOpts{Name: "relay_packets_total", Help: "Relayed datagrams."}, []string{"direction"})
	bytes := f.NewCounterVec(prometheus.CounterOpts{Name: "relay_bytes_total", Help: "Payload bytes of relayed datagrams."}, []string{"direction"})
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "relay_ports_free", Help: "Ports left for new allocations."},
		func() float64 { return float64(freePorts()) })
	return &metrics{
		allocations:      f.NewGaugeVec(prometheus.GaugeOpts{Name: "relay_allocations", Help: "Live allocations by the client's transport."}, []string{"transport"}),
		allocationsTotal: f.NewCounterVec(prometheus.CounterOpts{Name: "relay_allocations_total", Help: "Allocations made by the client's transport."}, []string{"transport"}),
		connections:      f.NewGauge(prometheus.GaugeOpts{Name: "relay_connections", Help: "Open TCP and TLS client connections."}),
		refusals:         f.NewCounterVec(prometheus.CounterOpts{Name: "relay_refusals_total", Help: "Requests answered with an error, and connections closed, by reason."}, []string{"reason"}),
		authFailures:     f.NewCounterVec(prometheus.CounterOpts{Name: "relay_auth_failures_total", Help: "Requests whose credentials did not hold."}, []string{"reason"}),
		drops:            f.NewCounterVec(prometheus.CounterOpts{Name: "relay_dropped_packets_total", Help: "Datagrams and messages dropped without an answer, by reason."}, []string{"reason"}),
		toPeer:           flow{packets.WithLabelValues("to_peer"), bytes.WithLabelValues("to_peer")},
		toClient:         flow{packets.WithLabelValues("to_client"), bytes.WithLabelValues("to_client")},
	}
}

func (m *metrics) drop(reason string)        { m.drops.WithLabelValues(reason).Inc() }
func (m *metrics) refuse(reason string)      { m.refusals.WithLabelValues(reason).Inc() }
func (m *metrics) authFailure(reason string) { m.authFailures.WithLabelValues(reason).Inc() }
