package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"sync"
	"time"
)

func main() {
	log.SetFlags(0)
	role := flag.String("role", "", "of a peer: send or receive; for this program itself. link: make the link, say the names of its namespaces, and keep it until stdin ends")
	lanes := flag.Int("lanes", 0, "of a flood; for this program itself")
	mbit := flag.Float64("mbit", 0, "of the line; for this program itself, and for role link")
	delay := flag.Duration("delay", 0, "of the line, one way; for role link")
	loss := flag.Float64("loss", 0, "of the line, a share of packets; for role link")
	seconds := flag.Float64("seconds", 12, "of each measurement; the second half counts")
	quick := flag.Bool("quick", false, "three links instead of twelve")
	flag.Parse()
	if *role == "link" {
		if err := hold(shape{*mbit, *delay, *loss}); err != nil {
			log.Fatal(err)
		}
		return
	}
	if *role != "" {
		if err := peer(*role == "send", *lanes, *seconds, *mbit); err != nil {
			log.Fatal(err)
		}
		return
	}
	if err := bench(*seconds, *quick); err != nil {
		log.Fatal(err)
	}
}

func bench(seconds float64, quick bool) error {
	net, err := newNetwork()
	if err != nil {
		return fmt.Errorf("%w\nfilebench needs root, ip and /dev/net/tun", err)
	}
	defer net.close()
	fmt.Println("Go to Go; MB/s of payload over the second half; the flood is over as many connections as the transfer had at its end")
	fmt.Println("      rate     RTT   loss    transfer lanes  0.9 after    flood 1    flood n   transfer / flood n")
	for _, s := range links(quick) {
		net.set(s)
		t, err := net.run(0, seconds, s.mbit)
		if err != nil {
			return err
		}
		one, err := net.run(1, seconds, s.mbit)
		if err != nil {
			return err
		}
		same := one
		if t.Lanes > 1 {
			if same, err = net.run(t.Lanes, seconds, s.mbit); err != nil {
				return err
			}
		}
		at := "never"
		if t.At90 > 0 {
			at = fmt.Sprintf("%.1f s", t.At90.Seconds())
		}
		fmt.Printf("%s  %8.2f %5d  %9s  %9.2f  %9.2f   %.2f\n", s, t.Last/1e6, t.Lanes, at, one.Last/1e6, same.Last/1e6, t.Last/same.Last)
	}
	return nil
}

// hold keeps a link for others to measure on: pages, in web/e2e/files.bench.mjs.
func hold(s shape) error {
	net, err := newNetwork()
	if err != nil {
		return err
	}
	defer net.close()
	net.set(s)
	fmt.Println(net.names[0], net.names[1])
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func links(quick bool) (out []shape) {
	if quick {
		return []shape{{20, 25 * time.Millisecond, 0}, {100, 10 * time.Millisecond, 0}, {100, 25 * time.Millisecond, 0.01}}
	}
	for _, loss := range []float64{0, 0.005} {
		for _, mbit := range []float64{20, 100} {
			for _, rtt := range []time.Duration{0, 20, 100} {
				out = append(out, shape{mbit, rtt * time.Millisecond / 2, loss})
			}
		}
	}
	return out
}

// run measures a flood over lanes, or with 0 a transfer.
func (n *network) run(lanes int, seconds, mbit float64) (*result, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var commands [2]*exec.Cmd
	var encoders [2]*json.Encoder
	var scanners [2]*bufio.Scanner
	for i, role := range []string{"send", "receive"} {
		c := exec.Command("ip", "netns", "exec", n.names[i], self, "--role", role, "--lanes", fmt.Sprint(lanes), "--seconds", fmt.Sprint(seconds), "--mbit", fmt.Sprint(mbit))
		in, err := c.StdinPipe()
		if err != nil {
			return nil, err
		}
		out, err := c.StdoutPipe()
		if err != nil {
			return nil, err
		}
		c.Stderr = os.Stderr
		encoders[i], scanners[i] = json.NewEncoder(in), bufio.NewScanner(out)
		scanners[i].Buffer(nil, 1<<20)
		if err := c.Start(); err != nil {
			return nil, err
		}
		commands[i] = c
		defer func() { // its end of input ends it
			_ = in.Close()
			_ = c.Wait()
		}()
	}
	done := make(chan *result, 2)
	var readers sync.WaitGroup
	for i := range scanners {
		readers.Go(func() {
			for scanners[i].Scan() {
				var l line
				if json.Unmarshal(scanners[i].Bytes(), &l) != nil {
					continue
				}
				if l.Result != nil {
					done <- l.Result
					continue
				}
				_ = encoders[1-i].Encode(l) // a peer that is gone shows as a measurement that does not come
			}
		})
	}
	select {
	case r := <-done:
		return r, nil
	case <-time.After(time.Duration(seconds)*time.Second + 30*time.Second):
		return nil, fmt.Errorf("no result of %d lanes within half a minute more than it takes", lanes)
	}
}
