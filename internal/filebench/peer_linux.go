package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/confab/confab/transfer/content"
	"github.com/confab/confab/transfer/rtc"
	"github.com/confab/confab/transfer/session"
)

// line is what a peer says to its parent, and to the other peer through it.
type line struct {
	Fingerprint string    `json:"fingerprint,omitempty"`
	Step        *rtc.Step `json:"step,omitempty"`
	Result      *result   `json:"result,omitempty"`
}

// result is what a receiver has measured, in bytes per second.
type result struct {
	Last  float64       // over the second half
	At90  time.Duration // from the first byte until a second ran at 0.9 of the line's rate; 0: never
	Lanes int           // at the end
}

// peer sends or receives until time is up. lanes is how many a flood uses; 0: a transfer, as the session has it.
func peer(sends bool, lanes int, seconds float64, mbit float64) error {
	cert, err := rtc.NewCertificate()
	if err != nil {
		return err
	}
	print, err := rtc.Fingerprint(&cert)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	out := json.NewEncoder(os.Stdout)
	say := func(l line) {
		mu.Lock()
		defer mu.Unlock()
		_ = out.Encode(l) // a parent that is gone ends us by closing the other pipe
	}
	say(line{Fingerprint: print})
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	var first line
	if !in.Scan() || json.Unmarshal(in.Bytes(), &first) != nil {
		return fmt.Errorf("no fingerprint of the other peer")
	}
	l := rtc.New(rtc.Options{Opens: sends, Certificate: cert, Peer: first.Fingerprint, Send: func(s rtc.Step) { say(line{Step: &s}) }})
	go func() { // until the parent closes the pipe, which ends the process
		for in.Scan() {
			var x line
			if json.Unmarshal(in.Bytes(), &x) == nil && x.Step != nil {
				l.Handle(*x.Step)
			}
		}
		os.Exit(0)
	}()
	var moved atomic.Int64
	alive := func() int { return lanes }
	switch {
	case lanes > 0:
		go flood(l, sends, lanes, &moved)
	case sends:
		_ = session.NewSender(session.SendOptions{Entries: []content.Entry{endless.entry()}, Source: endless}).Serve(context.Background(), "b", l)
		return nil
	default:
		r := session.NewReceiver(session.ReceiveOptions{Dialer: l, Sink: counting{&moved}})
		go func() { _ = r.Run(context.Background()) }()
		alive = func() int { return r.Progress().Lanes }
	}
	if sends {
		select {}
	}
	say(line{Result: measure(&moved, seconds, mbit, alive)})
	select {}
}

func measure(moved *atomic.Int64, seconds, mbit float64, lanes func() int) *result {
	for moved.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	r, began := &result{}, time.Now()
	var half int64
	var halfAt time.Time
	var seen []int64 // every tenth of a second
	for time.Since(began).Seconds() < seconds {
		time.Sleep(100 * time.Millisecond)
		now := moved.Load()
		seen = append(seen, now)
		if n := len(seen); r.At90 == 0 && n > 10 && float64(now-seen[n-11])*8 >= 0.9*0.95*mbit*1e6 { // 5 % are headers
			r.At90 = time.Since(began)
		}
		if halfAt.IsZero() && time.Since(began).Seconds() >= seconds/2 {
			half, halfAt = now, time.Now()
		}
	}
	r.Last = float64(moved.Load()-half) / time.Since(halfAt).Seconds()
	r.Lanes = lanes()
	return r
}

// flood moves messages of 64 KiB as fast as lanes take them.
func flood(l *rtc.Lanes, sends bool, n int, moved *atomic.Int64) {
	for range n {
		lane, err := l.Dial(context.Background())
		if err != nil {
			return
		}
		go func() {
			for buf := make([]byte, 64<<10); ; {
				if sends {
					err = lane.Write(buf, false)
				} else {
					var got int
					got, _, err = lane.Read(buf)
					moved.Add(int64(got))
				}
				if err != nil {
					return
				}
			}
		}()
	}
}

// repeated is a file of one block, again and again.
type repeated struct {
	block  []byte
	leaves []content.Hash
}

var endless = func() *repeated {
	r := &repeated{block: make([]byte, content.BlockSize), leaves: make([]content.Hash, 4096)}
	leaf := content.Leaf(r.block)
	for i := range r.leaves {
		r.leaves[i] = leaf
	}
	return r
}()

func (r *repeated) entry() content.Entry {
	root := content.Root(r.leaves)
	return content.Entry{Path: "file", Size: int64(len(r.leaves)) * content.BlockSize, Root: &root}
}

func (r *repeated) ReadAt(_ int, p []byte, off int64) (int, error) {
	return copy(p, r.block[off%content.BlockSize:]), nil
}
func (r *repeated) Leaves(int) ([]content.Hash, error) { return r.leaves, nil }
func (r *repeated) Stream(int) (session.Reader, error) { return nil, os.ErrInvalid }

// counting keeps nothing but the number of verified bytes.
type counting struct{ moved *atomic.Int64 }

func (counting) Open(*session.Offer, []int) ([]*content.Bitmap, error) { return nil, nil }
func (c counting) WriteBlock(_, _ int, data []byte) error {
	c.moved.Add(int64(len(data)))
	return nil
}
func (counting) ReadBlock(int, int, []byte) ([]byte, error) { return nil, os.ErrInvalid }
func (counting) Finish(int, int64) error                    { return nil }
