package relay

import (
	"time"

	"github.com/confab/confab/auth"
	"github.com/pion/stun/v3"
)

// credential is what a request has proved.
type credential struct {
	username string // as sent: "<unix expiry>:<user>"
	user     string
	expires  time.Time
	key      stun.MessageIntegrity // of this username, in our realm, under the secret that matched
}

// authentic checks the MESSAGE-INTEGRITY of m against each secret: during a rotation old and new are both good. It does not look
// at the expiry: what an expired credential may still do depends on the request.
func authentic(m *stun.Message, username, realm string, secrets [][]byte) (credential, bool) {
	expires, user, err := auth.ParseTURNUsername(username)
	if err != nil {
		return credential{}, false
	}
	for _, secret := range secrets {
		key := stun.NewLongTermIntegrity(username, realm, auth.TURNPassword(secret, username))
		if key.Check(m) == nil {
			return credential{username: username, user: user, expires: expires, key: key}, true
		}
	}
	return credential{}, false
}
