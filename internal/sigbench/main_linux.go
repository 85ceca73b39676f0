package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

const help = `Measures what signaling costs.

  scripts/bench idle              20 000 idle sessions, about two minutes: bytes of each, bar 12 KiB
  scripts/bench idle --quick      2000 sessions, some 15 seconds
  scripts/bench fanout            messages to 1000 and 10 000 receivers in one room, beside a bare loop, several minutes; bar 0.7 of it
  scripts/bench fanout --quick    200 and 1000 receivers, half a minute, and noisier

Exits with 1 when a bar does not hold. Machines are noisy: do not compare absolute figures.

`

// settings are what a run is asked for.
type settings struct {
	sessions int           // idle
	big      int           // people of the one big room among them
	settle   time.Duration // idle: from the last join to the figures
	runs     int           // fanout: of each server, in turns
	length   time.Duration // fanout: of a run
	sizes    []int         // fanout: receivers
	profiles string        // folder for profiles of the server, or ""
}

func main() {
	be := flag.String("be", "", "be a process of the benchmark: server, bare or clients (for the benchmark itself)")
	quick := flag.Bool("quick", false, "a short run")
	var s settings
	flag.IntVar(&s.sessions, "sessions", 20_000, "idle: how many sessions")
	flag.DurationVar(&s.settle, "settle", 40*time.Second, "idle: how long they are left alone; pings come every 15 s")
	flag.IntVar(&s.runs, "runs", 5, "fanout: runs of each server, in turns")
	flag.DurationVar(&s.length, "length", 4*time.Second, "fanout: of a run")
	flag.StringVar(&s.profiles, "profiles", "", "folder for profiles of the server; they cost some speed")
	flag.Usage = func() { fmt.Fprint(os.Stderr, help); flag.PrintDefaults() }
	what := ""
	if len(os.Args) > 1 && os.Args[1] != "" && os.Args[1][0] != '-' {
		what = os.Args[1]
		os.Args = append(os.Args[:1], os.Args[2:]...)
	}
	flag.Parse()
	s.big, s.sizes = 1000, []int{1000, 10_000}
	if *quick {
		s.sessions, s.big, s.settle = 2000, 100, 5*time.Second
		s.runs, s.length, s.sizes = 3, time.Second, []int{200, 1000}
	}
	if err := run(*be, what, s); err != nil {
		fmt.Fprintln(os.Stderr, "sigbench:", err)
		os.Exit(1)
	}
}

func run(be, what string, s settings) error {
	switch be {
	case "server", "bare":
		return obey(newServer(be == "bare"))
	case "clients":
		return obey(&clients{}, nil)
	}
	if err := openFiles(); err != nil {
		return err
	}
	switch what {
	case "idle":
		return idle(s)
	case "fanout":
		return fanout(s)
	}
	flag.Usage()
	os.Exit(2)
	return nil
}
