package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// fanoutBar is the share of a bare loop's messages per CPU-second that the server must reach.
const fanoutBar = 0.7

// side is a server with its clients.
type side struct {
	name            string
	server, clients *process
	perCPU          []float64 // messages received per second of the server's processor time, a run each
	p50, p99        []time.Duration
}

// fanout prints messages per CPU-second, and how late they come, of the real server beside the bare one.
func fanout(s settings) error {
	fmt.Printf("%d runs of %v each, in turns; medians\n\n", s.runs, s.length)
	fmt.Printf("%9s  %7s  %28s  %28s  %s\n", "receivers", "ahead", "server: msg/CPU-s, p50, p99", "bare: msg/CPU-s, p50, p99", "ratio")
	var missed []string
	for _, size := range s.sizes {
		if err := fanoutTo(s, atMost(size), &missed); err != nil {
			return err
		}
	}
	if len(missed) > 0 {
		return errors.New("below the bar: " + strings.Join(missed, ", "))
	}
	return nil
}

func fanoutTo(s settings, size int, missed *[]string) error {
	sides := []*side{{name: "server"}, {name: "bare"}}
	for _, d := range sides {
		defer d.stop()
		if err := d.open(size); err != nil {
			return err
		}
	}
	for _, ahead := range []int{1, 8} {
		profile := order{Do: "cpuprofile", File: filepath.Join(s.profiles, fmt.Sprintf("fanout-%d-%d.cpu", size, ahead))}
		for _, d := range sides {
			d.perCPU, d.p50, d.p99 = nil, nil, nil
		}
		for range s.runs {
			for _, d := range sides {
				if err := d.run(s, ahead, profile); err != nil {
					return err
				}
			}
		}
		ratio := median(sides[0].perCPU) / median(sides[1].perCPU)
		fmt.Printf("%9d  %7d  %28s  %28s  %.2f, bar %.1f %s\n", size, ahead, sides[0].figures(), sides[1].figures(), ratio, fanoutBar, verdict(ratio >= fanoutBar))
		if ratio < fanoutBar {
			*missed = append(*missed, fmt.Sprintf("%d receivers, %d ahead: %.2f", size, ahead, ratio))
		}
	}
	return nil
}

func (d *side) open(size int) (err error) {
	if d.server, err = start(d.name); err != nil {
		return err
	}
	at, err := d.server.read()
	if err != nil {
		return err
	}
	if d.clients, err = start("clients"); err != nil {
		return err
	}
	_, err = d.clients.ask(order{Do: "connect", URL: at.URL, Rooms: []int{size}, Bare: d.name == "bare"})
	if err == nil {
		_, err = d.clients.ask(order{Do: "send", For: 500 * time.Millisecond, Ahead: 1}) // warm
	}
	return err
}

func (d *side) run(s settings, ahead int, profile order) error {
	ours := s.profiles != "" && d.name == "server" && len(d.perCPU) == s.runs-1
	if ours {
		if _, err := d.server.ask(profile); err != nil {
			return err
		}
	}
	before, err := d.server.ask(order{Do: "cpu"})
	if err != nil {
		return err
	}
	got, err := d.clients.ask(order{Do: "send", For: s.length, Ahead: ahead})
	if err != nil {
		return err
	}
	after, err := d.server.ask(order{Do: "cpu"})
	if err != nil {
		return err
	}
	if ours {
		if _, err := d.server.ask(profile); err != nil {
			return err
		}
	}
	d.perCPU = append(d.perCPU, float64(got.Received)/(after.CPU-before.CPU).Seconds())
	d.p50, d.p99 = append(d.p50, got.P50), append(d.p99, got.P99)
	return nil
}

func (d *side) figures() string {
	short := func(t time.Duration) string { return fmt.Sprintf("%.1f ms", float64(t.Microseconds())/1000) }
	return fmt.Sprintf("%.0f, %s, %s", median(d.perCPU), short(median(d.p50)), short(median(d.p99)))
}

func (d *side) stop() {
	for _, p := range []*process{d.clients, d.server} {
		if p != nil {
			p.stop()
		}
	}
}

func median[T float64 | time.Duration](of []T) T {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}
