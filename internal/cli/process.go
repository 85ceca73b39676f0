package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Process is what the operating system gives a program. Tests give it too.
type Process struct {
	Args    []string // without the program's name
	Environ []string
	Stdout  io.Writer // what was asked for: links, tokens, credentials
	Stderr  io.Writer // logs and faults
	Signals <-chan os.Signal
}

// FromSystem returns this process. From now on SIGINT and SIGTERM go to its Signals and no longer end it by themselves.
func FromSystem() Process {
	signals := make(chan os.Signal, 2) // one to drain, one to end: neither may be lost
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	return Process{os.Args[1:], os.Environ(), os.Stdout, os.Stderr, signals}
}

// Exit codes, besides 0.
const (
	ExitFailed = 1
	ExitUsage  = 2 // the command line or the configuration is wrong
	ExitAtOnce = 3 // a second signal cut off people, or allocations, that were still there
)

// Run executes the command line of p on the program's root command, writes an error to p.Stderr behind the program's name, and
// returns the exit code.
func Run(p Process, root *cobra.Command) int {
	root.SilenceErrors, root.SilenceUsage = true, true // said below, once
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetArgs(p.Args)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	err := root.Execute()
	if err == nil {
		return 0
	}
	fmt.Fprintf(p.Stderr, "%s: %v\n", root.Name(), err)
	switch {
	case errors.As(err, new(UsageError)):
		return ExitUsage
	case errors.Is(err, ErrAtOnce):
		return ExitAtOnce
	}
	return ExitFailed
}

// UsageError is a mistake in how the program was called: the command line, the configuration, an address that is taken.
type UsageError struct{ Err error }

func (u UsageError) Error() string { return u.Err.Error() }

func (u UsageError) Unwrap() error { return u.Err }
