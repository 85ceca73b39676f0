package auth

import (
	"errors"
	"testing"
	"time"
)

// What Inspect says is what Verify would have said, with any signature and at any time.
func TestInspect(t *testing.T) {
	c := Participant("r", "n")
	c.Expires, c.NotBefore, c.Issuer, c.ID, c.Uses = now.Add(time.Hour), now, "i", "j", 2
	token, err := pairs()[1].signer.Sign(c, "calls", now)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Inspect(token[:len(token)-4] + "AAAA\n")
	if err != nil || got.Claims != c || got.Algorithm != ES256 || got.KeyID != pairs()[1].signer.Key().ID || len(got.Audience) != 1 || got.Audience[0] != "calls" || got.Invite {
		t.Errorf("%+v, %v", got, err)
	}
	text, err := MintInvite(other, party(), now)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Inspect(text); err != nil || got.Claims != party().Claims() || !got.Invite {
		t.Errorf("%+v, %v", got, err)
	}
	for name, token := range map[string]string{
		"garbage": "x.y.z", "role": raw(`{"alg":"HS256"}`, `{"role":"captain"}`, secret), "invite": invitePrefix, "alg": raw(`{"alg":1}`, `{}`, secret),
	} {
		if got, err := Inspect(token); err == nil || !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrRole) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
