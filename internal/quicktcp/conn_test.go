package quicktcp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// pair is a quick connection and the other end of it, an ordinary one.
func pair(t *testing.T) (quick, other net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if other, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if quick, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = quick.Close(); _ = other.Close() })
	return Wrap(quick), other
}

// What is written arrives whole, also when the other side reads late and the kernel takes it in parts.
func TestLargeWrites(t *testing.T) {
	quick, other := pair(t)
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<19)
	done := make(chan error, 1)
	go func() {
		n, err := quick.Write(want)
		if n != len(want) {
			err = errors.Join(err, io.ErrShortWrite)
		}
		done <- errors.Join(err, quick.Close())
	}()
	got, err := io.ReadAll(other)
	if err = errors.Join(err, <-done); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d of %d bytes: %v", len(got), len(want), err)
	}
}

func TestReads(t *testing.T) {
	quick, other := pair(t)
	pool := &sync.Pool{New: func() any { b := make([]byte, 8); return &b }}
	if _, err := other.Write([]byte("hello, world")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 5)
	if n, err := io.ReadFull(quick, b); err != nil || string(b) != "hello" {
		t.Fatalf("%q: %v", b[:n], err)
	}
	if q, ok := quick.(*Conn); ok {
		got, n, err := q.ReadInto(pool)
		if err != nil || string((*got)[:n]) != ", world" {
			t.Fatalf("%d: %v", n, err)
		}
	} else if _, err := io.ReadFull(quick, make([]byte, 7)); err != nil {
		t.Fatal(err)
	}
	_ = other.Close()
	if n, err := quick.Read(b); n != 0 || err != io.EOF {
		t.Errorf("after the end: %d, %v, want EOF", n, err)
	}
	if q, ok := quick.(*Conn); ok {
		if got, _, err := q.ReadInto(pool); got != nil || err != io.EOF {
			t.Errorf("after the end: %v, %v, want EOF", got, err)
		}
	}
}

// Deadlines and Close end a wait, as they do on any connection.
func TestWaitsEnd(t *testing.T) {
	quick, _ := pair(t)
	_ = quick.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	_, err := quick.Read(make([]byte, 1))
	var timeout net.Error
	if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("deadline: %v", err)
	}
	_ = quick.SetDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := quick.Write(make([]byte, 64<<20)); !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 {
		t.Errorf("a reader that does not read: %d bytes, %v", n, err)
	}
	_ = quick.SetDeadline(time.Time{})
	done := make(chan error, 1)
	go func() {
		_, err := quick.Read(make([]byte, 1))
		done <- err
	}()
	_ = quick.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// Only TCP connections are changed.
func TestOthersStay(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if Wrap(a) != a {
		t.Error("a pipe was wrapped")
	}
}
