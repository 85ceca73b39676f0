package relay

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pion/stun/v3"
)

// Users are people with a lasting password. Their file has one line for each:
//
//	# comment
//	alice:0123456789abcdef0123456789abcdef
//
// a name, and in hex the key MD5(name ":" realm ":" password) that RFC 8489 §9.2.2 makes of the password: the password itself is not kept, but
// who has the key can relay, so the file is a secret all the same. It is read again when it has changed.
type Users struct {
	path string
	log  *slog.Logger

	mu     sync.Mutex // guards the fields below
	keys   map[string][]byte
	looked time.Time // when the file's state was last asked for
	state  fileState
}

// fileState tells one version of a file from another.
type fileState struct {
	modified time.Time
	size     int64
}

// usersEvery is how often the file is looked at, at most.
const usersEvery = 2 * time.Second

// ReadUsers reads a file of users. A nil log is slog.Default().
func ReadUsers(path string, log *slog.Logger) (*Users, error) {
	if log == nil {
		log = slog.Default()
	}
	u := &Users{path: path, log: log}
	if err := u.readLocked(time.Now()); err != nil {
		return nil, err
	}
	return u, nil
}

// UserLine is the line of a file of users for a name and its password.
func UserLine(name, realm, password string) (string, error) {
	if name == "" || strings.ContainsAny(name, ":#\r\n") || strings.TrimSpace(name) != name {
		return "", fmt.Errorf("%q can't be the name of a user: no colon, no #, no space around it", name)
	}
	if password == "" {
		return "", errors.New("an empty password is none")
	}
	return name + ":" + hex.EncodeToString(stun.NewLongTermIntegrity(name, realm, password)), nil
}

// Len is the number of users.
func (u *Users) Len() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.keys)
}

// Lookup implements Credentials. The realm is part of the keys.
func (u *Users) Lookup(username, _ string) []Credential {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refreshLocked(time.Now())
	if key := u.keys[username]; key != nil {
		return []Credential{{User: username, Key: key}}
	}
	return nil
}

// refreshLocked reads the file again when it has changed; a file with faults changes nothing.
func (u *Users) refreshLocked(now time.Time) {
	if now.Sub(u.looked) < usersEvery {
		return
	}
	u.looked = now
	info, err := os.Stat(u.path)
	if err == nil && (fileState{info.ModTime(), info.Size()}) == u.state {
		return
	}
	if err == nil {
		err = u.readLocked(now)
	}
	if err != nil {
		u.log.Warn("users stay as they were: their file can't be read", "path", u.path, "err", err)
		return
	}
	u.log.Info("users read", "path", u.path, "users", len(u.keys))
}

func (u *Users) readLocked(now time.Time) error {
	info, err := os.Stat(u.path)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(u.path)
	if err != nil {
		return err
	}
	u.looked, u.state = now, fileState{info.ModTime(), info.Size()}
	keys, err := parseUsers(content)
	if err != nil {
		return fmt.Errorf("%s: %w", u.path, err)
	}
	u.keys = keys
	return nil
}

// parseUsers names the first line that is none. No part of a key is in an error.
func parseUsers(content []byte) (map[string][]byte, error) {
	keys := map[string][]byte{}
	lines := bufio.NewScanner(bytes.NewReader(content))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, digits, ok := strings.Cut(line, ":")
		key, err := hex.DecodeString(digits)
		switch {
		case !ok || name == "" || err != nil || len(key) != 16:
			return nil, fmt.Errorf("line %d is not name:key with a key of 32 hex digits; make one with turn credentials", n)
		case keys[name] != nil:
			return nil, fmt.Errorf("line %d: %q is there twice", n, name)
		}
		keys[name] = key
	}
	return keys, lines.Err()
}
