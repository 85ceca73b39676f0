package netlab

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/confab/confab/signaling/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// story runs a test in virtual time, with a server.
func story(t *testing.T, tell func(l *Lab), opts ...Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		before := time.Now()
		tell(New(t, opts...))
		t.Logf("told in %v of virtual time", time.Since(before))
	})
}

// meet has guests join a room one after the other, and returns them when everybody receives everybody.
func (l *Lab) meet(room string, names ...string) []*Client {
	l.t.Helper()
	var all []*Client
	for _, name := range names {
		c := l.Client(Guest{Name: name})
		c.Join(room)
		all = append(all, c)
	}
	l.receiving(10*time.Second, all...)
	return all
}

// receiving waits until everybody receives everybody, from now on.
func (l *Lab) receiving(limit time.Duration, all ...*Client) time.Duration {
	l.t.Helper()
	now := time.Now()
	return l.Wait(limit, "everybody receives everybody", func() bool {
		for _, a := range all {
			for _, b := range all {
				if a != b && !a.Receives(b, now) {
					return false
				}
			}
		}
		return true
	})
}

// on waits until the route is a transport, and everybody has it.
func (l *Lab) on(limit time.Duration, transport protocol.Transport, all ...*Client) time.Duration {
	l.t.Helper()
	return l.Wait(limit, "the route is "+string(transport), func() bool {
		for _, c := range all {
			if r := c.Route(); r.Transport != transport || !r.Done {
				return false
			}
		}
		return true
	})
}
