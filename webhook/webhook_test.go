package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var secrets = [][]byte{[]byte(strings.Repeat("n", 32)), []byte(strings.Repeat("o", 32))}

// receiver is the other server, without a network.
type receiver struct {
	t      *testing.T
	answer func(try int) (status int, err error) // nil: 204

	mu  sync.Mutex // guards the fields below
	got []Event
	at  []time.Time // of the tries
}

func (r *receiver) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	h := request.Header
	for _, secret := range secrets {
		if err := auth.VerifyWebhook([][]byte{secret}, h.Get(auth.WebhookID), h.Get(auth.WebhookTimestamp), h.Get(auth.WebhookSignature), body, time.Now()); err != nil {
			r.t.Errorf("with one of the secrets: %v", err)
		}
	}
	var e Event
	if err := json.Unmarshal(body, &e); err != nil || e.ID != h.Get(auth.WebhookID) || h.Get("Content-Type") != "application/json" {
		r.t.Errorf("%s: %v", body, err)
	}
	r.mu.Lock()
	r.at = append(r.at, time.Now())
	try := len(r.at)
	r.mu.Unlock()
	status := http.StatusNoContent
	if r.answer != nil {
		if status, err = r.answer(try); err != nil {
			return nil, err
		}
	}
	if status < 300 {
		r.mu.Lock()
		r.got = append(r.got, e)
		r.mu.Unlock()
	}
	return &http.Response{StatusCode: status, Body: http.NoBody, Request: request}, nil
}

func (r *receiver) events() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Event(nil), r.got...)
}

// tried returns when it was tried.
func (r *receiver) tried() []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]time.Time(nil), r.at...)
}

// run makes hooks for the receiver and runs them; stop ends them and waits.
func run(t *testing.T, r *receiver, change func(*Options)) (h *Hooks, stop func()) {
	t.Helper()
	o := Options{URL: "https://hooks.example/confab", Secrets: secrets, Types: Types, Client: &http.Client{Transport: r}}
	if change != nil {
		change(&o)
	}
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = h.Run(ctx) }()
	return h, sync.OnceFunc(func() { cancel(); <-done })
}

// house is a room that tells its events to hooks.
type house struct {
	t  *testing.T
	id string
	s  *room.State
	to []*Hooks
}

func newHouse(t *testing.T, to ...*Hooks) *house {
	return &house{t, "a", room.New(room.Config{Node: "n", SFU: true, People: 100, Hold: time.Minute, HoldClosed: time.Second, Linger: time.Second, Timeout: time.Second}), to}
}

func (h *house) do(c room.Command) {
	h.t.Helper()
	before := h.s.Clone()
	events, err := room.Step(h.s, c, time.Now())
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range events {
		before.Evolve(e)
		for _, hooks := range h.to {
			hooks.Observe(h.id, before, e)
		}
	}
}

func (h *house) join(id string) {
	h.t.Helper()
	h.do(room.Join{Seat: room.Seat{ID: id, Name: strings.ToUpper(id), Kind: protocol.KindPerson, Role: auth.RoleMember, Grants: auth.AllGrants(), Identity: "u-" + id, Node: "n"}, Password: h.s.Settings.Password})
}

func TestWhatIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{t: t}
		h, stop := run(t, r, nil)
		defer stop()
		a := newHouse(t, h)
		hash := "argon2-hash"
		for _, tt := range []struct {
			name string
			do   func()
			want string
		}{
			{"the first comes", func() { a.join("x") }, "room-opened joined:x"},
			{"another comes", func() { a.join("y") }, "joined:y"},
			{"somebody speaks", func() { a.do(room.Say{ID: "x", Cmd: "1", Text: "hello"}) }, "message:hello"},
			{"somebody whispers", func() { a.do(room.Say{ID: "x", Cmd: "2", To: "y", Text: "psst"}) }, ""},
			{"the API speaks", func() { a.do(room.Say{ID: room.Admin, Cmd: "3", Text: "hear"}) }, "message:hear"},
			{"a password", func() { a.do(room.SetRoom{ID: room.Admin, Password: &hash}) }, "settings:open/true/100"},
			{"one goes", func() { a.do(room.Leave{ID: "x", Reason: "left"}) }, "left:x(left)"},
			{"the last goes", func() { a.do(room.Leave{ID: "y", Reason: "left"}) }, "left:y(left) room-closed(empty)"},
			{"again", func() { a.join("z") }, "room-opened joined:z"},
			{"the end", func() { a.do(room.End{ID: room.Admin}) }, "room-closed(ended)"},
		} {
			before := len(r.events())
			tt.do()
			synctest.Wait()
			got := map[string]bool{}
			for _, e := range r.events()[before:] {
				got[trace(e)] = true
				if e.Room != "a" || e.Seq == 0 || e.Time.IsZero() {
					t.Errorf("%s: %+v", tt.name, e)
				}
			}
			for _, want := range strings.Fields(tt.want) { // in any order: there are several senders
				if !got[want] {
					t.Errorf("%s: no %s in %v", tt.name, want, got)
				}
			}
			if len(got) != len(strings.Fields(tt.want)) {
				t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
			}
		}
	})
}

func trace(e Event) string {
	out := string(e.Type)
	switch {
	case e.Message != nil:
		out += ":" + e.Message.Text
	case e.Participant != nil:
		out += ":" + e.Participant.ID
	case e.Settings != nil:
		out += ":" + e.Settings.Access + "/" + map[bool]string{true: "true", false: "false"}[e.Settings.Password] + "/100"
	}
	if e.Reason != "" {
		out += "(" + e.Reason + ")"
	}
	return out
}

func TestMessagesAreToldOnlyWhenAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{t: t}
		h, stop := run(t, r, func(o *Options) { o.Types = nil })
		defer stop()
		a := newHouse(t, h)
		a.join("x")
		a.do(room.Say{ID: "x", Cmd: "1", Text: "hello"})
		synctest.Wait()
		for _, e := range r.events() {
			if e.Type == Message {
				t.Errorf("%+v", e)
			}
		}
		if len(r.events()) != 2 {
			t.Errorf("%+v", r.events())
		}
	})
}

// What fails is tried again, with the same id and growing pauses, until it is taken.
func TestTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{t: t, answer: func(try int) (int, error) {
			switch {
			case try == 1:
				return 0, errors.New("no route to host")
			case try == 2:
				return http.StatusFound, nil
			case try < 7:
				return http.StatusInternalServerError, nil
			}
			return http.StatusOK, nil
		}}
		h, stop := run(t, r, func(o *Options) { o.Types = []Type{Joined} })
		defer stop()
		newHouse(t, h).join("x")
		time.Sleep(10 * time.Minute)
		at := r.tried()
		if got := r.events(); len(got) != 1 || len(at) != 7 {
			t.Fatalf("%d deliveries after %d tries", len(got), len(at))
		}
		for i := 1; i < len(at); i++ {
			most := h.opt.First << (i - 1)
			if pause := at[i].Sub(at[i-1]); pause < most/2 || pause > most+time.Millisecond {
				t.Errorf("pause %d is %s, want %s to %s", i, pause, most/2, most)
			}
		}
		if n := testutil.ToFloat64(h.metrics.sent.WithLabelValues("failed")); n != 6 {
			t.Errorf("%v failures are counted", n)
		}
	})
}

// A receiver that takes connections and never answers is not felt by rooms, and what waits for it is bounded.
func TestADeadReceiverIsNotFelt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		r := &receiver{t: t, answer: func(int) (int, error) { <-hang; return 0, errors.New("hung") }}
		h, stop := run(t, r, func(o *Options) { o.Queue = 50 })
		a := newHouse(t, h)
		before := time.Now()
		a.join("x")
		for range 200 {
			a.do(room.Say{ID: "x", Text: "hello"})
		}
		if spent := time.Since(before); spent != 0 {
			t.Errorf("the room has waited for %s", spent)
		}
		synctest.Wait()
		if n := testutil.ToFloat64(h.metrics.dropped.WithLabelValues("full")); n != 202-50 {
			t.Errorf("%v were dropped, want %d", n, 202-50)
		}
		close(hang)
		stop()
	})
}

func TestGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{t: t, answer: func(int) (int, error) { return http.StatusBadGateway, nil }}
		h, stop := run(t, r, func(o *Options) { o.Types = []Type{Joined} })
		defer stop()
		newHouse(t, h).join("x")
		time.Sleep(25 * time.Hour)
		tries := len(r.tried())
		if n := testutil.ToFloat64(h.metrics.dropped.WithLabelValues("gave-up")); n != 1 || tries < 24*60/5 {
			t.Errorf("%v given up after %d tries", n, tries)
		}
		time.Sleep(24 * time.Hour)
		if len(r.tried()) != tries {
			t.Error("it was tried again")
		}
	})
}

// What was not tried when the process ends is tried once, and the end is not held up.
func TestTheEnd(t *testing.T) {
	for name, hangs := range map[string]bool{"a receiver that works": false, "one that hangs": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &receiver{t: t}
				if hangs {
					r.answer = func(int) (int, error) { time.Sleep(9 * time.Second); return 0, errors.New("hung") }
				}
				o := Options{URL: "https://hooks.example/", Secrets: secrets, Client: &http.Client{Transport: r}}
				h, err := New(o)
				if err != nil {
					t.Fatal(err)
				}
				a := newHouse(t, h)
				for _, id := range strings.Fields("a b c d e f g h i j k l m n o p q r s t") {
					a.join(id)
				}
				ctx, cancel := context.WithCancel(context.Background())
				cancel()
				before := time.Now()
				_ = h.Run(ctx)
				if spent := time.Since(before); spent > 10*time.Second {
					t.Errorf("the end took %s", spent)
				}
				want, stopped := 21, 0.0
				if hangs {
					want, stopped = 0, 21
				}
				if n := testutil.ToFloat64(h.metrics.dropped.WithLabelValues("stopped")); len(r.events()) != want || n != stopped {
					t.Errorf("%d were told, want %d; %v are counted as not, want %v", len(r.events()), want, n, stopped)
				}
			})
		})
	}
}

// Servers that share a store tell the same event with the same id; another event, also of a room that was deleted and made again, has another.
func TestIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{t: t}
		one, stopOne := run(t, r, nil)
		defer stopOne()
		two, stopTwo := run(t, r, nil)
		defer stopTwo()
		newHouse(t, one, two).join("x")
		time.Sleep(time.Second)
		newHouse(t, one).join("x")
		time.Sleep(time.Second)
		times := map[string]int{}
		for _, e := range r.events() {
			times[e.ID]++
		}
		if len(times) != 4 || len(r.events()) != 6 {
			t.Errorf("%v", times)
		}
	})
}

// A receiver cannot send deliveries elsewhere.
func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer elsewhere.Close()
	seen := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		seen <- struct{}{}
	}))
	defer server.Close()
	h, stop := run(t, &receiver{t: t}, func(o *Options) { o.URL, o.Client, o.Types = server.URL, nil, []Type{Joined} })
	newHouse(t, h).join("x")
	<-seen
	stop()
	if n := testutil.ToFloat64(h.metrics.sent.WithLabelValues("delivered")); n != 0 {
		t.Error("a redirect counts as delivered")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no address":       func(o *Options) { o.URL = "" },
		"a path":           func(o *Options) { o.URL = "/hook" },
		"another scheme":   func(o *Options) { o.URL = "file:///etc/passwd" },
		"a password":       func(o *Options) { o.URL = "https://me:pw@hooks.example/" },
		"a fragment":       func(o *Options) { o.URL = "https://hooks.example/#x" },
		"no secret":        func(o *Options) { o.Secrets = nil },
		"a short secret":   func(o *Options) { o.Secrets = [][]byte{[]byte("short")} },
		"an unknown event": func(o *Options) { o.Types = []Type{"coffee"} },
	} {
		o := Options{URL: "http://10.0.0.5:8000/hook", Secrets: secrets}
		if _, err := New(o); err != nil {
			t.Fatal(err)
		}
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
