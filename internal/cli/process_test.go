package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
	"go.uber.org/goleak"

	"github.com/confab/confab/internal/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// runOnce runs a program whose only command is serve: it has one option and ends with the error.
func runOnce(end error, environ []string, args ...string) (code int, stdout, stderr string) {
	var out, faults strings.Builder
	p := Process{Args: args, Environ: environ, Stdout: &out, Stderr: &faults}
	var o struct {
		Count int `group:"All" name:"count" unit:"people" default:"1" help:"How many."`
	}
	set := config.New("PROGRAM", &o)
	root := &cobra.Command{Use: "program", Args: cobra.NoArgs}
	Serve(root, p, set, func() error { fmt.Fprint(&out, o.Count); return end })
	root.AddCommand(NewVersion(p, "product"), NewReference(p, set))
	code = Run(p, root)
	return code, out.String(), faults.String()
}

func TestRun(t *testing.T) {
	for _, tt := range []struct {
		name           string
		end            error
		environ, args  []string
		code           int
		stdout, stderr string
	}{
		{"success", nil, []string{"PROGRAM_COUNT=3"}, []string{"--count=4"}, 0, "4", ""},
		{"a failure", errors.New("boom"), nil, []string{}, ExitFailed, "1", "program: boom\n"},
		{"the caller's mistake", fmt.Errorf("listen: %w", UsageError{errors.New("taken")}), nil, []string{}, ExitUsage, "1", "program: listen: taken\n"},
		{"a second signal", errors.Join(ErrAtOnce, nil), nil, []string{}, ExitAtOnce, "1", "program: ended at once by a second signal\n"},
		{"a wrong value", nil, []string{"PROGRAM_COUNT=many"}, []string{}, ExitUsage, "", "PROGRAM_COUNT"},
		{"a flag that is not", nil, []string{"PROGRAM_COUNT=many"}, []string{"--cuont=1"}, ExitUsage, "", "--cuont: no such flag; did you mean --count?"},
		{"and what else is wrong", nil, []string{"PROGRAM_COUNT=many"}, []string{"--cuont=1"}, ExitUsage, "", "PROGRAM_COUNT"},
		{"the version", nil, nil, []string{"version"}, 0, "product " + Version() + "\n", ""},
		{"the reference", nil, nil, []string{"reference"}, 0, "PROGRAM_COUNT", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := runOnce(tt.end, tt.environ, tt.args...)
			if code != tt.code || !strings.Contains(stdout, tt.stdout) || !strings.Contains(stderr, tt.stderr) || (stderr == "") != (code == 0) {
				t.Errorf("exit code %d, output %q, %q; want %d, %q, %q", code, stdout, stderr, tt.code, tt.stdout, tt.stderr)
			}
		})
	}
}

func TestSocketProblem(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{syscall.EADDRINUSE, ":80 is taken by another program"},
		{fs.ErrPermission, "allow it by asking"},
		{syscall.EADDRNOTAVAIL, "this machine does not have that address"},
		{errors.New("boom"), "boom"},
	} {
		if got := SocketProblem(":80", os.NewSyscallError("bind", tt.err), "by asking"); !strings.Contains(got, tt.want) {
			t.Errorf("%v: %q lacks %q", tt.err, got, tt.want)
		}
	}
}

func TestNewLogger(t *testing.T) {
	var out strings.Builder
	NewLogger(&out, "warn", "text").Info("too little")
	NewLogger(&out, "warn", "json").Warn("enough")
	if got := out.String(); strings.Contains(got, "too little") || !strings.Contains(got, `"msg":"enough"`) {
		t.Errorf("logged %q", got)
	}
}
