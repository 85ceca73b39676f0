package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/confab/confab/internal/cli"
)

func TestMain(m *testing.M) {
	asProgram()
	goleak.VerifyTestMain(m)
}

// output is what a process writes; it can be read while it is written.
type output struct {
	mu   sync.Mutex // guards the fields below
	text bytes.Buffer
	grew chan struct{} // closed and replaced by each write
}

func newOutput() *output { return &output{grew: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.grew)
	o.grew = make(chan struct{})
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// await returns the submatches of the pattern as soon as it is in the output.
func (o *output) await(ctx context.Context, pattern string) []string {
	re := regexp.MustCompile(pattern)
	for {
		o.mu.Lock()
		found, grew := re.FindStringSubmatch(o.text.String()), o.grew
		o.mu.Unlock()
		if found != nil {
			return found
		}
		select {
		case <-grew:
		case <-ctx.Done():
			return nil
		}
	}
}

// server is a running process of ours, in this process.
type server struct {
	t              *testing.T
	stdout, stderr *output
	signals        chan os.Signal
	exit           chan int

	url, ops, udp string // the link that was printed without its path, and the other two addresses
	room          string
}

// start runs serve on free ports and waits for its link. It is stopped with the test.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{t: t, stdout: newOutput(), stderr: newOutput(), signals: make(chan os.Signal, 2), exit: make(chan int, 1)}
	args = append([]string{"--listen=127.0.0.1:0", "--udp=127.0.0.1:0", "--ops-listen=127.0.0.1:0", "--drain-timeout=5s", "--store=memory:"}, args...)
	go func() {
		s.exit <- run(cli.Process{Args: args, Stdout: s.stdout, Stderr: s.stderr, Signals: s.signals})
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	link := s.stdout.await(ctx, `(https?://\S+)/r/([a-z0-9-]+)`)
	if link == nil {
		t.Fatalf("no link within 20 s:\n%s", s.stderr)
	}
	s.url, s.room = link[1], link[2]
	s.udp = s.stderr.await(ctx, `udp=(\S+)`)[1]
	s.ops = "http://" + s.stderr.await(ctx, `ops=(\S+)`)[1]
	t.Cleanup(func() {
		s.signals <- syscall.SIGTERM
		select {
		case <-s.exit:
		case <-time.After(20 * time.Second):
			t.Error("the server did not end")
		}
	})
	return s
}

// stop ends the server and returns its exit code.
func (s *server) stop() int {
	s.t.Helper()
	s.signals <- syscall.SIGTERM
	select {
	case code := <-s.exit:
		s.exit <- code // for the cleanup
		return code
	case <-time.After(20 * time.Second):
		s.t.Fatalf("the server did not end:\n%s", s.stderr)
		return -1
	}
}

// get returns the status and the body of a page.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// runOnce runs a command that ends by itself.
func runOnce(environ []string, args ...string) (code int, stdout, stderr string) {
	var out, faults strings.Builder
	code = run(cli.Process{Args: args, Environ: environ, Stdout: &out, Stderr: &faults})
	return code, out.String(), faults.String()
}
