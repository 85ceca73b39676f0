package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// process is what the operating system gives a program. Tests give it too.
type process struct {
	args    []string // without the program's name
	environ []string
	stdout  io.Writer // what was asked for: links, tokens
	stderr  io.Writer // logs and faults
	signals <-chan os.Signal
}

func main() {
	signals := make(chan os.Signal, 2) // one to drain, one to end: neither may be lost
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	os.Exit(run(process{os.Args[1:], os.Environ(), os.Stdout, os.Stderr, signals}))
}

// Exit codes, besides 0.
const (
	exitFailed = 1
	exitUsage  = 2 // the command line or the configuration is wrong
	exitAtOnce = 3 // a second signal cut off people who were still there
)

// run executes the command line and returns the exit code.
func run(p process) int {
	root := newRoot(p)
	err := root.Execute()
	if err == nil {
		return 0
	}
	fmt.Fprintf(p.stderr, "%s: %v\n", root.Name(), err)
	switch {
	case errors.As(err, new(usageError)):
		return exitUsage
	case errors.Is(err, errAtOnce):
		return exitAtOnce
	}
	return exitFailed
}

// usageError is a mistake in how the program was called.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }
