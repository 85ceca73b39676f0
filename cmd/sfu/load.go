package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/confab/confab/internal/cli"
)

const loadHelp = `Fills rooms with people who chat, over WebSocket, and checks what each of them is told: that the events of a room come
without a gap and none comes twice, and how long a message takes from its sender to everybody else.

  sfu load signaling --url http://localhost:8080 --rooms 10 --people 5 --rate 1 --for 30s

--rate is messages per second and person. Joining is a part of --for; at the end everybody gets 10 s to hear the last message.

A server takes 60 connections at once from one network address and 10 more per second; people who come faster are refused
(too-fast) and come again when they are told to. To load a server of yours faster than one address may, let it trust this machine
and let every person claim an address: start it with --trusted-proxy 127.0.0.1, and load it with --addresses.

The exit code is 1 when a message was lost or came twice, or when nobody could join.`

// loadOptions say what a load is.
type loadOptions struct {
	URL           string
	Rooms, People int           // People is per room
	Rate          float64       // chat messages per second and person
	For           time.Duration // of it all
	Prefix        string        // of the rooms' names
	Token         string        // to join with; good for all rooms
	Addresses     bool          // every person claims an address of its own, as behind a proxy
}

func newLoad(p cli.Process) *cobra.Command {
	load := &cobra.Command{Use: "load", Short: "Drive a server with made-up people, and check what they are told"}
	o := loadOptions{Prefix: "load-" + strings.ToLower(rand.Text()[:6])}
	c := &cobra.Command{
		Use: "signaling", Short: "Join, chat and leave over WebSocket", Long: loadHelp, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return cli.UsageError{Err: err}
			}
			ctx, cancel := context.WithCancel(c.Context())
			defer cancel()
			go func() {
				select {
				case <-p.Signals:
					cancel()
				case <-ctx.Done():
				}
			}()
			r := newLoadRun(o)
			r.run(ctx)
			return r.report(p.Stdout)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&o.URL, "url", "http://localhost:8080", "server, as people open it")
	f.IntVar(&o.Rooms, "rooms", 10, "how many rooms")
	f.IntVar(&o.People, "people", 5, "people in each room")
	f.Float64Var(&o.Rate, "rate", 1, "chat messages per second and person")
	f.DurationVar(&o.For, "for", 30*time.Second, "how long")
	f.StringVar(&o.Prefix, "prefix", o.Prefix, "rooms are called PREFIX-1, PREFIX-2 and so on")
	f.StringVar(&o.Token, "token", "", "join token that is good for these rooms, for a server with --auth=token")
	f.BoolVar(&o.Addresses, "addresses", false, "let each person claim a network address (X-Forwarded-For); the server must trust this machine as a proxy")
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return cli.UsageError{Err: err} })
	load.AddCommand(c)
	return load
}

func (o *loadOptions) check() error {
	u, err := url.Parse(o.URL)
	switch {
	case err != nil || u.Host == "":
		return fmt.Errorf("--url %q is no address; write http://localhost:8080", o.URL)
	case o.Rooms < 1 || o.People < 1 || o.Rooms*o.People > 50_000:
		return errors.New("--rooms and --people must be at least 1, and 50000 together at most")
	case o.Rate < 0 || o.Rate > 1000:
		return errors.New("--rate must be 0 to 1000 messages per second")
	case o.For <= 0:
		return errors.New("--for must be more than nothing, such as 30s")
	}
	switch u.Scheme {
	case "http", "ws":
		u.Scheme = "ws"
	case "https", "wss":
		u.Scheme = "wss"
	default:
		return fmt.Errorf("--url %q must start with http:// or https://", o.URL)
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + "/ws"
	o.URL = u.String()
	return nil
}

// header is what a person sends with the handshake.
func (o *loadOptions) header(person int) http.Header {
	h := http.Header{}
	if o.Addresses { // 10.x.y.z: each is one address of its own to the limits
		h.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", person>>16&255, person>>8&255, person&255))
	}
	return h
}

// report prints the figures. Its error says that the load has shown a fault of the server.
func (r *loadRun) report(w io.Writer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	perSecond := 0.0
	if r.joined > 0 {
		perSecond = float64(r.joined) / max(r.lastJoin.Sub(r.began).Seconds(), 0.001)
	}
	fmt.Fprintf(w, "people     %d of %d joined, %.1f joins/s\n", r.joined, r.o.Rooms*r.o.People, perSecond)
	fmt.Fprintf(w, "messages   %d sent, %d acknowledged, %d delivered\n", r.sent, r.acked, r.delivered)
	fmt.Fprintf(w, "events     %d lost, %d doubled\n", r.lost, r.doubled)
	fmt.Fprintf(w, "latency    p50 %v, p99 %v (sender to everybody else)\n", r.quantile(.5), r.quantile(.99))
	fmt.Fprintf(w, "errors     %s\n", r.errorsByCode())
	switch {
	case r.joined == 0:
		return errors.New("nobody could join")
	case r.lost > 0 || r.doubled > 0:
		return fmt.Errorf("%d events were lost and %d came twice", r.lost, r.doubled)
	}
	return nil
}
