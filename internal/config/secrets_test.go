package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadSecrets(t *testing.T) {
	long := strings.Repeat("s", minSecret)
	for name, tt := range map[string]struct {
		content string
		secrets int
		problem string
	}{
		"one":              {long + "\n", 1, ""},
		"without newline":  {long, 1, ""},
		"two and comments": {"# newest first\n" + long + "\r\n\n" + long + "\n", 2, ""},
		"short":            {"# x\nshort\n", 0, "secrets:2: a secret needs at least 32 characters; this one has 5"},
		"empty":            {"\n", 0, "holds no secret"},
		"endless line":     {strings.Repeat("s", 1<<17), 0, "token too long"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "secrets")
			if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			secrets, err := ReadSecrets(path)
			if len(secrets) != tt.secrets || (err == nil) != (tt.problem == "") || err != nil && !strings.Contains(err.Error(), tt.problem) {
				t.Fatalf("%d secrets, error %v; want %d, %q", len(secrets), err, tt.secrets, tt.problem)
			}
		})
	}
	if _, err := ReadSecrets(filepath.Join(t.TempDir(), "absent")); err == nil || !strings.Contains(err.Error(), "openssl rand") {
		t.Fatalf("absent file: %v; want a hint how to make one", err)
	}
}
