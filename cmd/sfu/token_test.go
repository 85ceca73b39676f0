package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
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
		"a role":       {[]string{"--room=a", "--role=captain", "--secret-file", secrets}, "--role captain"},
		"a grant":      {[]string{"--room=a", "--grant=chat,fly", "--secret-file", secrets}, "--grant fly"},
		"a room":       {[]string{"--room=a*b", "--secret-file", secrets}, "a prefix that ends with '*'"},
		"a beginning":  {[]string{"--room=a", "--not-before=tomorrow", "--secret-file", secrets}, "--not-before tomorrow"},
		"an audience":  {[]string{"--room=a", "--audience=b", "--secret-file", secrets}, "--audience goes with --key"},
		"absent key":   {[]string{"--room=a", "--key=absent"}, "no such file"},
		"not a key":    {[]string{"--room=a", "--key", secrets}, "no private key"},
		"invite, room": {[]string{"invite", "--secret-file", secrets}, "give a room's id"},
		"invite, ttl":  {[]string{"invite", "--room=a", "--ttl=-1s", "--secret-file", secrets}, "expires before now"},
		"inspect":      {[]string{"inspect", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA"}, "no such file"},
		"jwks":         {[]string{"jwks", secrets}, "no key"},
	} {
		if code, out, stderr := runOnce(nil, append([]string{"token"}, tt.args...)...); code != cli.ExitUsage || out != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: exit code %d, %q, %q; want %d, %q", name, code, out, stderr, cli.ExitUsage, tt.want)
		}
	}
}

// files writes a secret and a private key, and returns their names.
func files(t *testing.T) (secrets, key string) {
	t.Helper()
	dir := t.TempDir()
	secrets, key = filepath.Join(dir, "secrets"), filepath.Join(dir, "key.pem")
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		secrets: strings.Repeat("a", 32), key: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return secrets, key
}

func TestTokenRights(t *testing.T) {
	secrets, _ := files(t)
	for name, tt := range map[string]struct {
		args   []string
		role   auth.Role
		grants auth.Grants
	}{
		"nothing said":     {nil, auth.RoleMember, auth.AllGrants()},
		"a role":           {[]string{"--role=moderator"}, auth.RoleModerator, auth.GrantsOf(auth.RoleModerator)},
		"grants":           {[]string{"--grant=publish:camera,chat", "--grant=record"}, auth.RoleMember, auth.Grants{Camera: true, Chat: true, Record: true}},
		"admin":            {[]string{"--admin"}, auth.RoleHost, func() auth.Grants { g := auth.GrantsOf(auth.RoleHost); g.Admin = true; return g }()},
		"only the API":     {[]string{"--admin", "--watch"}, auth.RoleHost, auth.Grants{Subscribe: true, Admin: true}},
		"somebody watches": {[]string{"--watch", "--role=viewer"}, auth.RoleViewer, auth.Grants{Subscribe: true}},
	} {
		code, out, stderr := runOnce(nil, append([]string{"token", "--room=team-*", "--secret-file", secrets}, tt.args...)...)
		if code != 0 {
			t.Fatalf("%s: %s", name, stderr)
		}
		claims, err := auth.Verify([][]byte{[]byte(strings.Repeat("a", 32))}, out, time.Now())
		if err != nil || claims.Role != tt.role || claims.Grants != tt.grants || !claims.Opens("team-a") {
			t.Errorf("%s: %+v, %v", name, claims, err)
		}
	}
}

func TestTokenBegins(t *testing.T) {
	secrets, _ := files(t)
	for _, begin := range []string{"2h", time.Now().Add(2 * time.Hour).UTC().Format(time.RFC3339)} {
		_, out, stderr := runOnce(nil, "token", "--room=a", "--ttl=1h", "--not-before="+begin, "--secret-file", secrets)
		if _, err := auth.Verify([][]byte{[]byte(strings.Repeat("a", 32))}, out, time.Now().Add(2*time.Hour+30*time.Minute)); err != nil {
			t.Errorf("%s: %v %s", begin, err, stderr)
		}
	}
}

// A key signs, its JWK set verifies, and inspect shows what is in it but never the signature.
func TestTokenOfAKey(t *testing.T) {
	secrets, key := files(t)
	_, set, stderr := runOnce(nil, "token", "jwks", key)
	keys, err := auth.ParseKeys([]byte(set))
	if err != nil || strings.Contains(set, `"d"`) {
		t.Fatalf("%s: %v %s", set, err, stderr)
	}
	_, out, stderr := runOnce(nil, "token", "--room=a", "--key", key, "--audience=calls", "--issuer=me", "--name=Ada\u202e", "--url=https://meet.example.org/")
	link, token, _ := strings.Cut(strings.TrimSpace(out), "#token=")
	ring := auth.Keyring{Keys: keys, Audience: "calls", Issuer: "me"}
	if _, err := ring.Verify(token, time.Now()); err != nil || link != "https://meet.example.org/r/a" {
		t.Fatalf("%s: %v %s", out, err, stderr)
	}

	saved, public := filepath.Join(t.TempDir(), "link"), filepath.Join(t.TempDir(), "jwks.json")
	for name, content := range map[string]string{saved: out, public: set} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parts := strings.Split(token, ".")
	for name, tt := range map[string]struct {
		args []string
		code int
		want string
	}{
		"unchecked":      {nil, 0, "not checked"},
		"good":           {[]string{"--keys", public, "--audience=calls"}, 0, "good yes"},
		"for another":    {[]string{"--keys", public}, cli.ExitFailed, "good no"},
		"another's keys": {[]string{"--secret-file", secrets, "--audience=calls"}, cli.ExitFailed, "good no"},
	} {
		code, out, stderr := runOnce(nil, append([]string{"token", "inspect", saved}, tt.args...)...)
		if code != tt.code || !strings.Contains(strings.Join(strings.Fields(out), " "), tt.want) {
			t.Errorf("%s: exit code %d, %s%s", name, code, out, stderr)
		}
		if !strings.Contains(out, `"Ada\u202e"`) || !strings.Contains(out, `"EdDSA"`) {
			t.Errorf("%s: %s", name, out)
		}
		for _, part := range parts {
			if strings.Contains(out+stderr, part) {
				t.Errorf("%s: a part of the token is shown:\n%s%s", name, out, stderr)
			}
		}
	}
}

func TestTokenInvite(t *testing.T) {
	secrets, _ := files(t)
	_, out, stderr := runOnce(nil, "token", "invite", "--room=a", "--role=viewer", "--uses=3", "--secret-file", secrets, "--url=https://meet.example.org")
	link, text, _ := strings.Cut(strings.TrimSpace(out), "#token=")
	invite, err := auth.OpenInvite([][]byte{[]byte(strings.Repeat("a", 32))}, text, time.Now())
	if err != nil || link != "https://meet.example.org/r/a" || invite.Role != auth.RoleViewer || invite.Uses != 3 || invite.ID == [8]byte{} {
		t.Errorf("%s: %+v, %v %s", out, invite, err, stderr)
	}
	saved := filepath.Join(t.TempDir(), "invite")
	if err := os.WriteFile(saved, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := runOnce(nil, "token", "inspect", saved, "--secret-file", secrets); code != 0 || !strings.Contains(out, "viewer") || strings.Contains(out, text) {
		t.Errorf("%d, %s%s", code, out, stderr)
	}
	// A token given by mistake in place of a file is not repeated in the error.
	if code, out, stderr := runOnce(nil, "token", "inspect", text); code != cli.ExitUsage || strings.Contains(out+stderr, text) {
		t.Errorf("%d, %s%s", code, out, stderr)
	}
}
