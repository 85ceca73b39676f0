package main

import (
	"fmt"
	"path/filepath"
	"time"
)

// idleBar is the memory that an idle session may take, in bytes.
const idleBar = 12 << 10

// idle prints what a session costs that says nothing: half of them in rooms of two, and one big room.
func idle(s settings) error {
	n := atMost(s.sessions + 100)
	server, err := start("server")
	if err != nil {
		return err
	}
	defer server.stop()
	at, err := server.read()
	if err != nil {
		return err
	}
	clients, err := start("clients")
	if err != nil {
		return err
	}
	defer clients.stop()
	join := func(first int, rooms []int) error {
		_, err := clients.ask(order{Do: "connect", URL: at.URL, Rooms: rooms, First: first})
		return err
	}
	// The first hundred pay for what all share: pools, tables, code that is paged in.
	if err := join(0, pairs(100)); err != nil {
		return err
	}
	before, err := server.ask(order{Do: "measure"})
	if err != nil {
		return err
	}
	n -= 100
	fmt.Printf("%d sessions: a room of %d, the others in rooms of 2\n", n, s.big)
	began := time.Now()
	if err := join(1000, append([]int{s.big}, pairs(n-s.big)...)); err != nil {
		return err
	}
	fmt.Printf("joined in %v; left alone for %v\n", time.Since(began).Round(time.Second), s.settle)
	time.Sleep(s.settle) // the measurement itself: pings come and go
	after, err := server.ask(order{Do: "measure"})
	if err != nil {
		return err
	}
	if s.profiles != "" {
		if _, err := server.ask(order{Do: "profile", File: filepath.Join(s.profiles, "idle.heap")}); err != nil {
			return err
		}
	}
	each := func(b, a int64) float64 { return float64(a-b) / float64(n) }
	rss := each(before.Trimmed, after.Trimmed)
	fmt.Printf("\n%-52s %8.0f B\n", "resident, free memory given back, a session:", rss)
	fmt.Printf("%-52s %8.0f B\n", "resident as it stands, a session:", each(before.Resident, after.Resident))
	fmt.Printf("%-52s %8.0f B\n", "live objects on the heap, a session:", each(before.Heap, after.Heap))
	fmt.Printf("%-52s %8.0f B\n", "stacks, a session:", each(before.Stack, after.Stack))
	fmt.Printf("%-52s %8.2f\n", "goroutines, a session (a room has one, too):", each(int64(before.Goroutines), int64(after.Goroutines)))
	fmt.Printf("\nbar: at most %d B resident, free memory given back: %s\n", idleBar, verdict(rss <= idleBar))
	if rss > idleBar {
		return fmt.Errorf("an idle session takes %.0f B, more than %d", rss, idleBar)
	}
	return nil
}

// pairs are rooms of two for so many people.
func pairs(people int) []int {
	rooms := make([]int, max(people, 0)/2)
	for i := range rooms {
		rooms[i] = 2
	}
	return rooms
}

func verdict(held bool) string {
	if held {
		return "held"
	}
	return "MISSED"
}
