package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/confab/confab/auth"

	"github.com/confab/confab/internal/cli"
)

func TestToken(t *testing.T) {
	secrets := filepath.Join(t.TempDir(), "secrets")
	first, second := strings.Repeat("a", 32), strings.Repeat("b", 32)
	if err := os.WriteFile(secrets, []byte(first+"\n"+second+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"CONFAB_SECRET_FILE=" + secrets, "CONFAB_LISTEN=:8080"}

	code, out, stderr := runOnce(env, "token", "--room=standup", "--name=Ada", "--identity=u7", "--ttl=1h")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	claims, err := auth.Verify([][]byte{[]byte(first)}, strings.TrimSpace(out), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if claims.Room != "standup" || claims.Name != "Ada" || claims.Identity != "u7" || !claims.Publish() || claims.Admin || time.Until(claims.Expires) > time.Hour {
		t.Errorf("claims %+v", claims)
	}

	_, out, _ = runOnce(env, "token", "--room=standup", "--watch", "--url=https://meet.example.org")
	link, token, _ := strings.Cut(strings.TrimSpace(out), "#token=")
	claims, err = auth.Verify([][]byte{[]byte(first)}, token, time.Now())
	if link != "https://meet.example.org/r/standup" || err != nil || claims.Publish() || !claims.Subscribe {
		t.Errorf("link %q, claims %+v, %v", link, claims, err)
	}
}

func TestTokenFaults(t *testing.T) {
	secrets := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(secrets, []byte(strings.Repeat("a", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no room":      {[]string{"--secret-file", secrets}, "which room?"},
		"no secret":    {[]string{"--room=a"}, "give --secret-file"},
		"absent file":  {[]string{"--room=a", "--secret-file=absent"}, "openssl rand"},
		"no lifetime":  {[]string{"--room=a", "--ttl=0s", "--secret-file", secrets}, "must be positive"},
		"unknown flag": {[]string{"--rom=a"}, "unknown flag: --rom"},
	} {
		if code, out, stderr := runOnce(nil, append([]string{"token"}, tt.args...)...); code != cli.ExitUsage || out != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: exit code %d, %q, %q; want %d, %q", name, code, out, stderr, cli.ExitUsage, tt.want)
		}
	}
}
