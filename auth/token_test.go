package auth

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var (
	now    = time.Unix(1_800_000_000, 0)
	secret = []byte("0123456789abcdef0123456789abcdef")
	other  = []byte("fedcba9876543210fedcba9876543210")
)

func mint(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	return mintHeader(t, method, key, claims, nil)
}

func mintHeader(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims, header map[string]any) string {
	t.Helper()
	unsigned := jwt.NewWithClaims(method, claims)
	for k, v := range header {
		unsigned.Header[k] = v
	}
	token, err := unsigned.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func valid() jwt.MapClaims {
	return jwt.MapClaims{"aud": Audience, "exp": now.Add(time.Hour).Unix(), "room": "r", "grants": []string{"publish"}}
}

func with(key string, value any) jwt.MapClaims {
	c := valid()
	if c[key] = value; value == nil {
		delete(c, key)
	}
	return c
}

func TestRoundTrip(t *testing.T) {
	for _, in := range []Claims{
		{
			Room: "standup", Identity: "u-17", Name: "Zoë", Role: RoleModerator, Grants: Grants{Camera: true, Screen: true, Chat: true, Record: true},
			ID: "t-1", Uses: 3, Issuer: "https://id.example.org", NotBefore: now.Add(-time.Minute), Expires: now.Add(time.Hour),
		},
		{Room: "team-*", Role: RoleViewer, Grants: GrantsOf(RoleViewer), Expires: now.Add(time.Hour)},
		{Room: AnyRoom, Role: RoleHost, Grants: Grants{Admin: true}, Expires: now.Add(time.Hour)},
	} {
		token, err := Sign(secret, in, now)
		if err != nil {
			t.Fatal(err)
		}
		out, err := Verify([][]byte{secret}, token, now)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(in, out) {
			t.Errorf("got %+v, want %+v", out, in)
		}
	}
}

// Tokens of before there were roles and sources: what they said must mean the same for ever.
func TestOlderTokens(t *testing.T) {
	watch := Grants{Subscribe: true, Chat: true}
	sources := Grants{Microphone: true, Camera: true, Screen: true, ScreenAudio: true}
	for name, tt := range map[string]struct {
		claims jwt.MapClaims
		want   Claims
	}{
		"all sources":         {valid(), Claims{Room: "r", Role: RoleMember, Grants: sources}},
		"no room":             {with("room", nil), Claims{Room: AnyRoom, Role: RoleMember, Grants: sources}},
		"one who watches":     {with("grants", []string{"subscribe", "chat"}), Claims{Room: "r", Role: RoleMember, Grants: watch}},
		"one who moderates":   {with("grants", []string{"admin"}), Claims{Room: "r", Role: RoleHost, Grants: Grants{Admin: true}}},
		"of a later version":  {with("grants", []string{"chat", "fly"}), Claims{Room: "r", Role: RoleMember, Grants: Grants{Chat: true}}},
		"no grants":           {with("grants", nil), Claims{Room: "r", Role: RoleMember}},
		"several audiences":   {with("aud", []string{"shop", Audience}), Claims{Room: "r", Role: RoleMember, Grants: sources}},
		"one source":          {with("grants", []string{"publish:camera"}), Claims{Room: "r", Role: RoleMember, Grants: Grants{Camera: true}}},
		"claims of strangers": {with("realm_access", map[string]any{"roles": []string{"a"}}), Claims{Room: "r", Role: RoleMember, Grants: sources}},
	} {
		got, err := Verify([][]byte{secret}, mint(t, jwt.SigningMethodHS256, secret, tt.claims), now)
		tt.want.Expires = now.Add(time.Hour)
		if err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, tt.want)
		}
	}
}

func TestClocksMayDiffer(t *testing.T) {
	token, err := Sign(secret, Claims{Room: "r", NotBefore: now, Expires: now.Add(time.Minute)}, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		leeway, at time.Duration
		want       error
	}{
		{0, -31 * time.Second, ErrNotYetValid},
		{0, -30 * time.Second, nil},
		{0, 89 * time.Second, nil},
		{0, 90 * time.Second, ErrExpired},
		{-1, -time.Second, ErrNotYetValid},
		{-1, 0, nil},
		{-1, 59 * time.Second, nil},
		{-1, 60 * time.Second, ErrExpired},
		{2 * time.Minute, 179 * time.Second, nil},
		{2 * time.Minute, 180 * time.Second, ErrExpired},
		{time.Hour, time.Minute + MaxLeeway, ErrExpired},
	} {
		k := Keyring{Secrets: [][]byte{secret}, Leeway: tc.leeway}
		if _, err := k.Verify(token, now.Add(tc.at)); !errors.Is(err, tc.want) {
			t.Errorf("leeway %v, at %v: err = %v, want %v", tc.leeway, tc.at, err, tc.want)
		}
	}
}

func TestRotation(t *testing.T) {
	old, err := Sign(other, Participant("r", "n"), now)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := Sign(secret, Participant("r", "n"), now)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{old, fresh, " " + fresh + "\n"} {
		c, err := Verify([][]byte{secret, other}, token, now)
		if err != nil {
			t.Fatalf("during the rotation: %v", err)
		}
		if c.Expires != now.Add(DefaultLifetime) || c.Role != RoleMember || c.Grants != AllGrants() {
			t.Errorf("claims = %+v", c)
		}
	}
	if _, err := Verify([][]byte{secret}, old, now); !errors.Is(err, ErrSignature) {
		t.Errorf("after the rotation: err = %v, want %v", err, ErrSignature)
	}
}

func TestSignRefuses(t *testing.T) {
	ok := Participant("r", "n")
	change := func(f func(*Claims)) Claims { c := ok; f(&c); return c }
	for name, tc := range map[string]struct {
		secret []byte
		c      Claims
	}{
		"short secret":          {secret[:MinSecret-1], ok},
		"no room":               {secret, change(func(c *Claims) { c.Room = "" })},
		"star in the middle":    {secret, change(func(c *Claims) { c.Room = "a*b" })},
		"two stars":             {secret, change(func(c *Claims) { c.Room = "a**" })},
		"long room":             {secret, change(func(c *Claims) { c.Room = strings.Repeat("r", maxRoom+1) })},
		"unknown role":          {secret, change(func(c *Claims) { c.Role = "captain" })},
		"long name":             {secret, change(func(c *Claims) { c.Name = strings.Repeat("n", maxName+1) })},
		"uses without an id":    {secret, change(func(c *Claims) { c.Uses = 1 })},
		"too many uses":         {secret, change(func(c *Claims) { c.ID, c.Uses = "i", MaxUses+1 })},
		"already expired":       {secret, change(func(c *Claims) { c.Expires = now })},
		"ends before it begins": {secret, change(func(c *Claims) { c.NotBefore, c.Expires = now.Add(2*time.Hour), now.Add(time.Hour) })},
	} {
		if token, err := Sign(tc.secret, tc.c, now); err == nil {
			t.Errorf("%s: got %q", name, token)
		}
	}
	if _, err := Sign(secret, ok, now); err != nil {
		t.Error(err)
	}
}

func TestOpens(t *testing.T) {
	for _, tt := range []struct {
		room, id string
		want     bool
	}{
		{"standup", "standup", true},
		{"standup", "standup2", false},
		{"standup", "stand", false},
		{"*", "anything", true},
		{"*", "", false},
		{"team-*", "team-a", true},
		{"team-*", "team-", true},
		{"team-*", "teams", false},
		{"", "", false},
		{"", "standup", false},
	} {
		if got := (Claims{Room: tt.room}).Opens(tt.id); got != tt.want {
			t.Errorf("%q opens %q: %v", tt.room, tt.id, got)
		}
	}
}

func TestRefreshable(t *testing.T) {
	old := Claims{Room: "r", Identity: "u", Issuer: "i", Name: "Ann", Role: RoleMember, Grants: AllGrants(), Expires: now}
	change := func(f func(*Claims)) Claims { c := old; f(&c); return c }
	for name, tt := range map[string]struct {
		fresh Claims
		want  error
	}{
		"the same again":     {old, nil},
		"longer":             {change(func(c *Claims) { c.Expires = now.Add(time.Hour) }), nil},
		"more":               {change(func(c *Claims) { c.Role, c.Admin = RoleHost, true }), nil},
		"less":               {change(func(c *Claims) { c.Role, c.Grants = RoleViewer, Grants{} }), nil},
		"another name":       {change(func(c *Claims) { c.Name = "Anna" }), nil},
		"somebody else":      {change(func(c *Claims) { c.Identity = "v" }), ErrOtherIdentity},
		"another issuer's u": {change(func(c *Claims) { c.Issuer = "j" }), ErrOtherIdentity},
		"another room":       {change(func(c *Claims) { c.Room = "q" }), ErrOtherRoom},
		"every room":         {change(func(c *Claims) { c.Room = AnyRoom }), ErrOtherRoom},
		"shorter":            {change(func(c *Claims) { c.Expires = now.Add(-time.Second) }), ErrNotLonger},
		"an invite":          {change(func(c *Claims) { c.ID, c.Uses = "x", 1 }), ErrCounted},
	} {
		if err := Refreshable(old, tt.fresh); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}
