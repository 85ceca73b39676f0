package auth

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func party() Invite {
	return Invite{ID: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, Room: "party", Role: RoleMember, Grants: AllGrants(), Expires: now.Add(time.Hour), Uses: 3}
}

func TestInvite(t *testing.T) {
	for _, in := range []Invite{
		party(),
		{Room: AnyRoom, Role: RoleViewer, Expires: time.Unix(1<<32-1, 0), Uses: MaxUses},
		{Room: strings.Repeat("r", 64), Role: RoleHost, Grants: everything(), Expires: now.Add(time.Second)},
	} {
		text, err := MintInvite(secret, in, now)
		if err != nil {
			t.Fatal(err)
		}
		if limit := 49 + (4*len(in.Room)+2)/3; len(text) > limit || !IsInvite(text) || strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
			t.Errorf("%q has %d characters, at most %d are promised, and all of them fit for a link", text, len(text), limit)
		}
		out, err := OpenInvite([][]byte{other, secret}, " "+text+"\n", now)
		if err != nil || out != in {
			t.Errorf("got %+v, %v; want %+v", out, err, in)
		}
		claims, err := Verify([][]byte{secret}, text, now)
		if err != nil || claims != in.Claims() || claims.Room != in.Room || claims.Role != in.Role || claims.Grants != in.Grants || claims.Uses != in.Uses {
			t.Errorf("as claims: %+v, %v", claims, err)
		}
		if in.Uses > 0 && claims.UseKey() != in.Key() || in.Uses == 0 && claims.UseKey() != "" {
			t.Errorf("counted under %q and %q", claims.UseKey(), in.Key())
		}
	}
}

// Links that were sent out must open for as long as they last, whatever version opens them.
func TestInviteOfTheFirstVersion(t *testing.T) {
	const text = "inv1.AQIDBAUGBwhrSeAQAAMA_wFwYXJ0eTmweSSjxCc-3wLeCeVHhxs"
	if got, err := OpenInvite([][]byte{secret}, text, now); err != nil || got != party() {
		again, _ := MintInvite(secret, party(), now)
		t.Errorf("%+v, %v; it is now written %s", got, err, again)
	}
}

func TestInviteRefused(t *testing.T) {
	text, err := MintInvite(secret, party(), now)
	if err != nil {
		t.Fatal(err)
	}
	jwt, err := Sign(secret, Participant("party", ""), now)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		secrets [][]byte
		text    string
		at      time.Time
		want    error
	}{
		"another secret":   {[][]byte{other}, text, now, ErrSignature},
		"no secret":        {nil, text, now, ErrSecret},
		"a short secret":   {[][]byte{secret[:8]}, text, now, ErrSecret},
		"expired":          {[][]byte{secret}, text, now.Add(time.Hour), ErrExpired},
		"a JWT":            {[][]byte{secret}, jwt, now, ErrMalformed},
		"empty":            {[][]byte{secret}, invitePrefix, now, ErrMalformed},
		"not base64":       {[][]byte{secret}, invitePrefix + "!!", now, ErrMalformed},
		"a line break":     {[][]byte{secret}, text[:20] + "\n" + text[20:], now, ErrMalformed},
		"cut":              {[][]byte{secret}, text[:40], now, ErrMalformed},
		"too large":        {[][]byte{secret}, invitePrefix + strings.Repeat("A", MaxToken), now, ErrTooLarge},
		"too long a room":  {[][]byte{secret}, invitePrefix + strings.Repeat("A", 200), now, ErrMalformed},
		"nothing but zero": {[][]byte{secret}, invitePrefix + strings.Repeat("A", 60), now, ErrSignature},
	} {
		if got, err := OpenInvite(tt.secrets, tt.text, tt.at); !errors.Is(err, tt.want) || got != (Invite{}) {
			t.Errorf("%s: %+v, %v; want %v", name, got, err, tt.want)
		}
	}
	for i := range text {
		bad := []byte(text)
		bad[i] ^= 1
		if _, err := Verify([][]byte{secret}, string(bad), now); err == nil {
			t.Fatalf("character %d flipped: accepted", i)
		}
	}
}

func TestMintInviteRefuses(t *testing.T) {
	for name, f := range map[string]func(*Invite){
		"no room":             func(i *Invite) { i.Room = "" },
		"two stars":           func(i *Invite) { i.Room = "a*b*" },
		"no role":             func(i *Invite) { i.Role = "" },
		"expired":             func(i *Invite) { i.Expires = now },
		"no expiry":           func(i *Invite) { i.Expires = time.Time{} },
		"after the year 2106": func(i *Invite) { i.Expires = time.Unix(1<<32, 0) },
		"too many uses":       func(i *Invite) { i.Uses = MaxUses + 1 },
		"uses below none":     func(i *Invite) { i.Uses = -1 },
	} {
		i := party()
		if f(&i); true {
			if text, err := MintInvite(secret, i, now); err == nil {
				t.Errorf("%s: %q", name, text)
			}
		}
	}
	if _, err := MintInvite(secret[:8], party(), now); !errors.Is(err, ErrSecret) {
		t.Error(err)
	}
}

func FuzzOpenInvite(f *testing.F) {
	text, err := MintInvite(secret, party(), now)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(invitePrefix)
	f.Fuzz(func(t *testing.T, in string) {
		if _, err := OpenInvite([][]byte{secret}, in, now); err == nil && strings.TrimSpace(in) != text {
			t.Fatalf("accepted %q", in)
		}
	})
}
