package doctorcmd

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"go.uber.org/goleak"

	"github.com/confab/confab/internal/cli"
	"github.com/confab/confab/relay/doctor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func run(environ []string, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	p := cli.Process{Args: append([]string{"doctor"}, args...), Environ: environ, Stdout: &out, Stderr: &errs}
	root := &cobra.Command{Use: "turn"}
	root.AddCommand(New(p, "turn"))
	code = cli.Run(p, root)
	return code, out.String(), errs.String()
}

func TestUsage(t *testing.T) {
	short := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(short, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "name the server"},
		{[]string{"example.org"}, "turn:turn.example.org:3478"},
		{[]string{"turn:h", "--username=u"}, PasswordVariable},
		{[]string{"turn:h", "--username=u", "--secret-file=f"}, "give it, or --username"},
		{[]string{"turn:h", "--secret-file", short}, "at least 32"},
		{[]string{"turn:h", "--allow-peer=10.0.0.0"}, "10.0.0.0/8"},
		{[]string{"turn:h", "--burst=0"}, "--burst"},
		{[]string{"turn:h", "--brust=1"}, "--brust"},
	} {
		if code, _, errs := run(nil, tt.args...); code != cli.ExitUsage || !strings.Contains(errs, tt.want) {
			t.Errorf("%v: code %d, %q; want %d and %q", tt.args, code, errs, cli.ExitUsage, tt.want)
		}
	}
}

func TestFailureIsTheExitCode(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := "turn:" + l.Addr().String() + "?transport=tcp"
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	code, out, _ := run([]string{PasswordVariable + "=p"}, server, "--username=u", "--json")
	var report doctor.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != cli.ExitFailed || !report.Failed() || report.Server != server {
		t.Errorf("code %d, %v, %s", code, err, out)
	}
	if code, out, _ = run(nil, server); code != cli.ExitFailed || !strings.Contains(out, "FAILED  connect") {
		t.Errorf("code %d, %s", code, out)
	}
}
