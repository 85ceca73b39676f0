package signaling

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// journalMetrics count for all rooms.
type journalMetrics struct {
	appends *prometheus.CounterVec // by result
	foreign prometheus.Counter
	refused prometheus.Counter
	waiting prometheus.Gauge
	took    prometheus.Histogram
}

func newJournalMetrics(f promauto.Factory) *journalMetrics {
	return &journalMetrics{
		appends: f.NewCounterVec(prometheus.CounterOpts{
			Name: "signaling_log_appends_total", Help: "Appends to room logs, by result: ok; conflict, another node came first; error, it is tried again.",
		}, []string{"result"}),
		foreign: f.NewCounter(prometheus.CounterOpts{Name: "signaling_log_foreign_events_total", Help: "Events that other nodes have appended, read from logs."}),
		refused: f.NewCounter(prometheus.CounterOpts{Name: "signaling_log_stalled_commands_total", Help: "Commands that were given up because the log did not answer in time."}),
		waiting: f.NewGauge(prometheus.GaugeOpts{Name: "signaling_log_waiting_commands", Help: "Commands that wait for an append in flight."}),
		took: f.NewHistogram(prometheus.HistogramOpts{
			Name: "signaling_log_append_seconds", Help: "Time until events were safe in the log.", Buckets: prometheus.ExponentialBuckets(.0005, 2, 16),
		}),
	}
}
