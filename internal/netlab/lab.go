package netlab

import (
	"fmt"
	"testing"
	"time"

	"github.com/confab/confab/signaling"
)

// Lab is an internet with one server.
type Lab struct {
	t      testing.TB
	net    *internet
	Server *Server
	guests int
}

// Option changes what a Lab is made of.
type Option func(*options)

type options struct {
	delay  time.Duration
	seed   uint64
	noSFU  bool
	noTURN bool
	limits signaling.Limits
}

// Delay is the time that everything takes from host to host; default 20 ms.
func Delay(d time.Duration) Option { return func(o *options) { o.delay = d } }

// Seed makes the loss another one; default 1.
func Seed(s uint64) Option { return func(o *options) { o.seed = s } }

// WithoutSFU makes a server that only introduces people to each other.
func WithoutSFU() Option { return func(o *options) { o.noSFU = true } }

// WithoutTURN makes a server that tells clients of no relay.
func WithoutTURN() Option { return func(o *options) { o.noTURN = true } }

// Limits replace those of signaling; zero fields keep its defaults.
func Limits(l signaling.Limits) Option { return func(o *options) { o.limits = l } }

// New starts a lab that ends with the test. It must be called inside testing/synctest.Test.
func New(t testing.TB, opts ...Option) *Lab {
	t.Helper()
	o := options{delay: 20 * time.Millisecond, seed: 1}
	for _, f := range opts {
		f(&o)
	}
	l := &Lab{t: t, net: newInternet(t, o.delay, o.seed)}
	host := l.net.host(serverHost)
	l.net.start()
	l.Server = newServer(t, host, o)
	return l
}

// Host adds a machine to the internet.
func (l *Lab) Host() *Host {
	l.guests++
	return l.net.host(fmt.Sprintf("9.9.%d.%d", 1+l.guests/200, 1+l.guests%200))
}

// Apart keeps the datagrams of two hosts from each other, or brings them together again.
func (l *Lab) Apart(a, b *Host, apart bool) {
	l.net.mu.Lock()
	l.net.apart[pairOf(a.addr, b.addr)] = apart
	l.net.mu.Unlock()
}

// Traffic returns what has passed so far.
func (l *Lab) Traffic() Traffic {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	return l.net.passed
}

// Wait waits until cond holds and returns how long that took; it fails the test when that is longer than limit.
func (l *Lab) Wait(limit time.Duration, what string, cond func() bool) time.Duration {
	l.t.Helper()
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if cond() {
			return time.Since(start)
		}
		if time.Since(start) > limit {
			l.t.Fatalf("not within %v: %s", limit, what)
		}
	}
}
