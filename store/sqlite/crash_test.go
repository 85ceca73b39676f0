package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/confab/confab/store"
	"github.com/confab/confab/store/sqlite"
)

// The test's own binary is the child: CRASH_FILE says that it is, and names the file that it writes; CRASH_LIMIT is how large that may become.
func TestMain(m *testing.M) {
	if path := os.Getenv("CRASH_FILE"); path != "" {
		writeUntilKilled(path)
		return
	}
	os.Exit(m.Run())
}

// rooms is how many rooms the child writes at once, so that commits have several changes.
const rooms = 4

// writeUntilKilled appends as fast as it can and prints "room number" for what was acknowledged, and "failed" with the first error.
func writeUntilKilled(path string) {
	if limit := os.Getenv("CRASH_LIMIT"); limit != "" {
		n, err := strconv.ParseUint(limit, 10, 64)
		if err != nil {
			panic(err)
		}
		signal.Ignore(syscall.SIGXFSZ) // write then fails with EFBIG
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
			panic(err)
		}
	}
	ctx := context.Background()
	s, err := sqlite.Open(ctx, path)
	if err != nil {
		panic(err)
	}
	var print sync.Mutex
	say := func(what ...any) {
		print.Lock()
		defer print.Unlock()
		fmt.Println(what...)
	}
	var all sync.WaitGroup
	for i := range rooms {
		all.Go(func() {
			r, err := s.Open(ctx, fmt.Sprint("room", i))
			for err == nil {
				batch := []store.Record{record(r.Last + 1), record(r.Last + 2)}
				if err = s.Append(ctx, r.ID, r.Epoch, r.Last, batch); err == nil {
					r.Last += 2
					say(r.ID, r.Last)
				}
			}
			say("failed", errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrUnavailable), err)
		})
	}
	all.Wait()
	_ = s.Close() // there may be no space for that either
}

func record(seq uint64) store.Record {
	return store.Record{Seq: seq, At: time.Unix(int64(seq), 0), Kind: "test", Ref: seq, Data: []byte(strings.Repeat(fmt.Sprint(seq, " "), 200))}
}

// child starts the test's binary to write the file, and returns its lines.
func child(t *testing.T, path string, env ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "CRASH_FILE="+path), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

// verify holds the file to what was acknowledged: it is there, whole, and the file is sound.
func verify(t *testing.T, path string, acknowledged map[string]uint64) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.Check(t.Context()); err != nil {
		t.Fatalf("integrity check: %v", err)
	}
	for id, last := range acknowledged {
		r, err := s.Find(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if r.Last < last || r.Last%2 != 0 {
			t.Fatalf("%s ends at %d, acknowledged was %d, two at a time", id, r.Last, last)
		}
		for after := uint64(0); after < r.Last; {
			records, err := s.Read(t.Context(), id, r.Epoch, after, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, rec := range records {
				if after++; string(rec.Data) != string(record(after).Data) {
					t.Fatalf("%s: record %d has other data", id, after)
				}
			}
		}
		if err := s.Append(t.Context(), id, r.Epoch, r.Last, []store.Record{record(r.Last + 1), record(r.Last + 2)}); err != nil {
			t.Fatalf("%s does not go on: %v", id, err)
		}
	}
}

// What was acknowledged survives kill -9, several times over the same file.
func TestKilledProcessLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rooms.db")
	acknowledged := map[string]uint64{}
	for round := range 4 {
		cmd, lines := child(t, path)
		seen := 0
		for lines.Scan() {
			room, last, _ := strings.Cut(lines.Text(), " ")
			n, err := strconv.ParseUint(last, 10, 64)
			if err != nil {
				t.Fatalf("the child says %q", lines.Text())
			}
			acknowledged[room] = n
			if seen++; seen == 100+37*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // killed
		if len(acknowledged) != rooms {
			t.Fatalf("%d rooms were written, want %d", len(acknowledged), rooms)
		}
		verify(t, path, acknowledged)
	}
}

// fillUp lets the child write until it cannot, and holds its answers to be coded.
func fillUp(t *testing.T, path string, env ...string) map[string]uint64 {
	t.Helper()
	cmd, lines := child(t, path, env...)
	acknowledged, failed := map[string]uint64{}, 0
	for lines.Scan() {
		room, rest, _ := strings.Cut(lines.Text(), " ")
		if room == "failed" {
			failed++
			if !strings.HasPrefix(rest, "true") {
				t.Errorf("an error without a code: %s", rest)
			}
			continue
		}
		n, err := strconv.ParseUint(rest, 10, 64)
		if err != nil {
			t.Fatalf("the child says %q", lines.Text())
		}
		acknowledged[room] = n
	}
	if err := cmd.Wait(); err != nil || failed != rooms || len(acknowledged) != rooms {
		t.Fatalf("%d of %d rooms met the end of space, %v", failed, rooms, err)
	}
	return acknowledged
}

func TestLimitedFileLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rooms.db")
	verify(t, path, fillUp(t, path, "CRASH_LIMIT=1000000"))
}

// A disk that is full says so, takes nothing away, and the same process goes on when there is space again.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=3m"); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	path, ballast := filepath.Join(dir, "rooms.db"), filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	r, err := s.Open(t.Context(), "room0")
	if err != nil {
		t.Fatal(err)
	}
	last := uint64(0)
	for ; err == nil; last += 2 {
		err = s.Append(t.Context(), r.ID, r.Epoch, last, []store.Record{record(last + 1), record(last + 2)})
	}
	last -= 2
	if !errors.Is(err, store.ErrFull) {
		t.Fatalf("a full disk is %v, want ErrFull", err)
	}
	if got, err := s.Find(t.Context(), r.ID); err != nil || got.Last != last {
		t.Fatalf("the log ends at %d, acknowledged was %d: %v", got.Last, last, err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), r.ID, r.Epoch, last, []store.Record{record(last + 1), record(last + 2)}); err != nil {
		t.Fatalf("with space again: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	verify(t, path, map[string]uint64{"room0": last + 2})
}
