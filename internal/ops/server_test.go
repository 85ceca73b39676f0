package ops

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEndpoints(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "rooms"}, func() float64 { return 3 }))
	var ready error
	h := Handler(Options{Gatherer: registry, Ready: func() error { return ready }, Log: slog.New(slog.DiscardHandler)})
	for _, tt := range []struct {
		path   string
		ready  error
		status int
		body   string
	}{
		{"/healthz", errors.New("starting"), 200, "ok"},
		{"/readyz", errors.New("draining"), 503, "draining"},
		{"/readyz", nil, 200, "ready"},
		{"/metrics", nil, 200, "rooms 3"},
		{"/debug/pprof/", nil, 200, "goroutine"},
		{"/other", nil, 404, ""},
	} {
		ready = tt.ready
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", tt.path, nil))
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.body) {
			t.Errorf("%s (ready: %v): %d %q, want %d with %q", tt.path, tt.ready, w.Code, w.Body, tt.status, tt.body)
		}
	}
}

func TestRunEndsWithContext(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- Run(ctx, listener, Options{Gatherer: prometheus.NewRegistry(), Ready: func() error { return nil }, Log: slog.New(slog.DiscardHandler)})
	}()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + listener.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || string(body) != "ok\n" {
		t.Fatalf("body %q, %v", body, err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
