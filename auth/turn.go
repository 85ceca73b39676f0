package auth

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the TURN REST draft fixes HMAC-SHA1; as a MAC it is not broken
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// ErrTURNUsername says that a TURN username is not of the form "<unix expiry>:<user>".
var ErrTURNUsername = errors.New(`TURN username is not "<unix expiry>:<user>"`)

// TURNCredentials mints a username and password that a relay sharing the secret accepts until expires (whole seconds).
// user is only a label for logs and quotas: it must not be a secret, and everything up to the first ':' is the expiry.
func TURNCredentials(secret []byte, user string, expires time.Time) (username, password string) {
	username = strconv.FormatInt(expires.Unix(), 10) + ":" + user
	return username, TURNPassword(secret, username)
}

// TURNPassword is the password that belongs to a username: base64(HMAC-SHA1(secret, username)). It does not look at the
// expiry; see ParseTURNUsername.
func TURNPassword(secret []byte, username string) string {
	mac := hmac.New(sha1.New, secret)
	mac.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// ParseTURNUsername splits a username into expiry and user. It takes no position on whether the expiry has passed. Only
// the digits that TURNCredentials writes are accepted, so one instant has one spelling.
func ParseTURNUsername(username string) (expires time.Time, user string, err error) {
	digits, user, ok := strings.Cut(username, ":")
	sec, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || sec < 0 || strconv.FormatInt(sec, 10) != digits {
		return time.Time{}, "", ErrTURNUsername
	}
	return time.Unix(sec, 0), user, nil
}
