package config

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
)

// minSecret is the shortest secret taken, in bytes: HS256 wants a key as long as its hash (RFC 7518 §3.2).
const minSecret = 32

// ReadSecrets reads a file of secrets, one per line, the newest first: the first signs, all of them verify, so that a secret is
// replaced by adding a line above and, when the old tokens have expired, removing the one below. Empty lines and lines that
// start with # are skipped.
func ReadSecrets(path string) ([][]byte, error) {
	content, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("%s does not exist; make one with: (umask 077; openssl rand -hex 32 > %s)", path, path)
	} else if err != nil {
		return nil, err
	}
	var secrets [][]byte
	lines := bufio.NewScanner(bytes.NewReader(content))
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		switch {
		case len(line) == 0 || line[0] == '#':
		case len(line) < minSecret:
			return nil, fmt.Errorf("%s:%d: a secret needs at least %d characters; this one has %d", path, n, minSecret, len(line))
		default:
			secrets = append(secrets, bytes.Clone(line))
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(secrets) == 0 {
		return nil, fmt.Errorf("%s holds no secret; make one with: (umask 077; openssl rand -hex 32 > %s)", path, path)
	}
	return secrets, nil
}
