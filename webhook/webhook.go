package webhook

import (
	"bytes"
	"container/heap"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"golang.org/x/sync/errgroup"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/room"
)

// Options say what is sent where. URL and Secrets are required.
type Options struct {
	URL     string   // of the receiver: http or https
	Secrets [][]byte // each signs, so that a receiver that knows one of them is served while they are rotated
	Types   []Type   // empty: Usual

	Queue   int           // deliveries that wait; what comes when it is full is dropped and counted. Default 10 000
	Timeout time.Duration // of one try; default 10 s
	First   time.Duration // the longest wait before the second try; it doubles with each; default 2 s
	Longest time.Duration // the longest wait; default 5 min
	GiveUp  time.Duration // after the event; default 24 h
	Last    time.Duration // after Run's context has ended, for what has not been tried yet; default 3 s

	Client     *http.Client          // nil: one of its own
	Log        *slog.Logger          // nil: none
	Registerer prometheus.Registerer // nil: none
}

// senders is how many deliveries are under way at once.
const senders = 4

// Hooks send events. Create them with New, give them to rooms with Observe, and Run them.
type Hooks struct {
	opt     Options // fixed at construction, like all fields up to mu
	log     *slog.Logger
	client  *http.Client
	metrics *metrics

	mu    sync.Mutex // guards the fields below; never held across I/O
	queue waiting
	under int           // deliveries that are being tried
	bad   bool          // the last try has failed
	wake  chan struct{} // capacity 1
}

// delivery is one event on its way.
type delivery struct {
	id    string
	body  []byte
	since time.Time
	due   time.Time
	tries int
}

// Check says what is wrong with the address of a receiver; nil: nothing.
func Check(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return errors.New("the address of a webhook is http:// or https://, a host and a path")
	case u.User != nil:
		return errors.New("the address of a webhook has no user: deliveries are signed, and the log would show the password")
	case u.Fragment != "":
		return errors.New("the address of a webhook has no fragment: it is not sent")
	}
	return nil
}

// CheckTypes says which of the types there is not; nil: all are good.
func CheckTypes(types []Type) error {
	for _, t := range types {
		if !slices.Contains(Types, t) {
			return fmt.Errorf("there is no event %q: want some of %v", t, Types)
		}
	}
	return nil
}

// New checks the options and sends nothing.
func New(o Options) (*Hooks, error) {
	if err := Check(o.URL); err != nil {
		return nil, err
	}
	if len(o.Secrets) == 0 {
		return nil, errors.New("webhooks need a secret to be signed with")
	}
	if _, err := sign(o.Secrets, "x", nil, time.Now()); err != nil {
		return nil, err
	}
	if err := CheckTypes(o.Types); err != nil {
		return nil, err
	}
	if len(o.Types) == 0 {
		o.Types = Usual
	}
	if o.Queue <= 0 {
		o.Queue = 10_000
	}
	for _, d := range []struct {
		v *time.Duration
		d time.Duration
	}{{&o.Timeout, 10 * time.Second}, {&o.First, 2 * time.Second}, {&o.Longest, 5 * time.Minute}, {&o.GiveUp, 24 * time.Hour}, {&o.Last, 3 * time.Second}} {
		if *d.v <= 0 {
			*d.v = d.d
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &Hooks{opt: o, log: o.Log, wake: make(chan struct{}, 1)}
	client := http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: senders, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10}}
	if o.Client != nil {
		client = *o.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	h.client, h.metrics = &client, newMetrics(o.Registerer, h)
	return h, nil
}

// Observe queues what there is to tell of an event; it does not block. s is the room right after e and is not kept.
func (h *Hooks) Observe(id string, s *room.State, e room.Event) {
	for _, event := range eventsOf(id, s, e) {
		if !slices.Contains(h.opt.Types, event.Type) {
			continue
		}
		body, err := json.Marshal(event)
		if err != nil {
			h.log.Error("an event cannot be told", "type", event.Type, "err", err) // a fault of this package
			continue
		}
		now := time.Now()
		if !h.put(&delivery{id: event.ID, body: body, since: now, due: now}, h.opt.Queue) {
			h.metrics.dropped.WithLabelValues("full").Inc()
		}
	}
}

// put adds a delivery unless most wait already. One that comes back for another try always fits: it was counted while it was under way.
func (h *Hooks) put(d *delivery, most int) bool {
	h.mu.Lock()
	fits := len(h.queue)+h.under < most
	if fits {
		heap.Push(&h.queue, d)
	}
	h.mu.Unlock()
	h.nudge()
	return fits
}

func (h *Hooks) nudge() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// Run sends until ctx ends, then tries once, for a short time, what was not tried yet.
func (h *Hooks) Run(ctx context.Context) error {
	work := make(chan *delivery)
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(h.opt.Last, cancel) })
	defer stop()
	var g errgroup.Group
	for range senders {
		g.Go(func() error {
			for d := range work {
				h.attempt(hard, d)
			}
			return nil
		})
	}
	h.dispatch(ctx, work)
	for hard.Err() == nil {
		d := h.untried()
		if d == nil {
			break
		}
		select {
		case work <- d:
		case <-hard.Done():
			h.back(d)
		}
	}
	close(work)
	_ = g.Wait() // senders have no errors
	h.client.CloseIdleConnections()
	h.mu.Lock()
	left := len(h.queue)
	h.queue = nil
	h.mu.Unlock()
	if left > 0 {
		h.metrics.dropped.WithLabelValues("stopped").Add(float64(left))
		h.log.Warn("webhooks were not delivered before the end", "deliveries", left)
	}
	return nil
}

// dispatch hands out what is due until ctx ends.
func (h *Hooks) dispatch(ctx context.Context, work chan<- *delivery) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		d, wait := h.next(time.Now())
		if d != nil {
			select {
			case work <- d:
			case <-ctx.Done():
				h.back(d)
				return
			}
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-h.wake:
		case <-ctx.Done():
			return
		}
	}
}

// next takes what is due, or says for how long nothing will be.
func (h *Hooks) next(now time.Time) (d *delivery, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.queue) == 0 {
		return nil, time.Hour
	}
	if wait := h.queue[0].due.Sub(now); wait > 0 {
		return nil, wait
	}
	h.under++
	return heap.Pop(&h.queue).(*delivery), 0
}

// untried takes what was never tried; nil: there is nothing left.
func (h *Hooks) untried() *delivery {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.IndexFunc(h.queue, func(d *delivery) bool { return d.tries == 0 })
	if i < 0 {
		return nil
	}
	h.under++
	return heap.Remove(&h.queue, i).(*delivery)
}

// back puts a delivery into the queue that was taken out of it.
func (h *Hooks) back(d *delivery) {
	h.mu.Lock()
	h.under--
	heap.Push(&h.queue, d)
	h.mu.Unlock()
	h.nudge()
}

func (h *Hooks) done() {
	h.mu.Lock()
	h.under--
	h.mu.Unlock()
}

// attempt tries one delivery.
func (h *Hooks) attempt(ctx context.Context, d *delivery) {
	d.tries++
	err := h.post(ctx, d)
	h.tell(err)
	now := time.Now()
	switch {
	case err == nil:
		h.metrics.sent.WithLabelValues("delivered").Inc()
		h.done()
	case now.Sub(d.since) >= h.opt.GiveUp:
		h.metrics.sent.WithLabelValues("failed").Inc()
		h.metrics.dropped.WithLabelValues("gave-up").Inc()
		h.log.Debug("a webhook was given up", "id", d.id, "tries", d.tries, "err", err)
		h.done()
	default:
		h.metrics.sent.WithLabelValues("failed").Inc()
		wait := h.pause(d.tries)
		h.log.Debug("a webhook will be tried again", "id", d.id, "tries", d.tries, "wait", wait, "err", err)
		d.due = now.Add(wait)
		h.back(d)
	}
}

// tell logs when the receiver begins to fail, and when it works again: not each of thousands of tries.
func (h *Hooks) tell(err error) {
	h.mu.Lock()
	changed := h.bad != (err != nil)
	h.bad = err != nil
	h.mu.Unlock()
	switch {
	case changed && err != nil:
		h.log.Warn("webhooks are not delivered; they will be tried again", "err", err)
	case changed:
		h.log.Info("webhooks are delivered again")
	}
}

// pause is the wait after a number of tries: half of what doubles with each, and up to as much again by chance, so that those that failed together do not
// come back together.
func (h *Hooks) pause(tries int) time.Duration {
	longest := h.opt.Longest
	if tries < 30 {
		longest = min(longest, h.opt.First<<(tries-1))
	}
	return longest/2 + rand.N(longest/2+1)
}

// post makes one request.
func (h *Hooks) post(ctx context.Context, d *delivery) error {
	ctx, cancel := context.WithTimeout(ctx, h.opt.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.opt.URL, bytes.NewReader(d.body))
	if err != nil {
		return err
	}
	now := time.Now()
	signed, err := sign(h.opt.Secrets, d.id, d.body, now)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "confab-webhook/1")
	r.Header.Set(auth.WebhookID, d.id)
	r.Header.Set(auth.WebhookTimestamp, signed.timestamp)
	r.Header.Set(auth.WebhookSignature, signed.signature)
	response, err := h.client.Do(r)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) { // the address may have a secret in its query
			err = failed.Err
		}
		return err
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10) // so that the connection serves again
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("the receiver answered %d", response.StatusCode)
	}
	return nil
}

type signature struct{ timestamp, signature string }

// sign signs with every secret.
func sign(secrets [][]byte, id string, body []byte, at time.Time) (signature, error) {
	var timestamp string
	var all []string
	for _, secret := range secrets {
		t, s, err := auth.SignWebhook(secret, id, body, at)
		if err != nil {
			return signature{}, fmt.Errorf("sign a webhook: %w", err)
		}
		timestamp, all = t, append(all, s)
	}
	return signature{timestamp, strings.Join(all, " ")}, nil
}

// waiting is a heap by due.
type waiting []*delivery

func (w waiting) Len() int           { return len(w) }
func (w waiting) Less(i, j int) bool { return w[i].due.Before(w[j].due) }
func (w waiting) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }
func (w *waiting) Push(x any)        { *w = append(*w, x.(*delivery)) }
func (w *waiting) Pop() any {
	old := *w
	d := old[len(old)-1]
	old[len(old)-1] = nil
	*w = old[:len(old)-1]
	return d
}

// metrics counts deliveries.
type metrics struct{ sent, dropped *prometheus.CounterVec }

func newMetrics(r prometheus.Registerer, h *Hooks) *metrics {
	f := promauto.With(r)
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "webhook_waiting", Help: "Webhooks that wait to be delivered."}, func() float64 {
		h.mu.Lock()
		defer h.mu.Unlock()
		return float64(len(h.queue) + h.under)
	})
	return &metrics{
		sent:    f.NewCounterVec(prometheus.CounterOpts{Name: "webhook_tries_total", Help: "Tries to deliver a webhook, by result: delivered, failed."}, []string{"result"}),
		dropped: f.NewCounterVec(prometheus.CounterOpts{Name: "webhook_dropped_total", Help: "Webhooks that were not delivered, by reason: full, the queue was; gave-up, the receiver did not take it in time; stopped, the process ended."}, []string{"reason"}),
	}
}
