package auth

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
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
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
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

func TestVerifyRefuses(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})

	good := mint(t, jwt.SigningMethodHS256, secret, valid())
	parts := strings.Split(good, ".")
	payload := base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"confab","exp":1900000000,"room":"r","grants":["admin"]}`))

	for _, tc := range []struct {
		name  string
		token string
		want  error
	}{
		{"empty", "", ErrMalformed},
		{"garbage", "a.b.c", ErrMalformed},
		{"two parts", parts[0] + "." + parts[1], ErrMalformed},
		{"too long", strings.Repeat("a", maxToken+1), ErrMalformed},
		{"alg none", mint(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, valid()), ErrSignature},
		{"alg none, signature kept", strings.Split(mint(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, valid()), ".")[0] + "." + parts[1] + "." + parts[2], ErrSignature},
		{"another HMAC", mint(t, jwt.SigningMethodHS512, secret, valid()), ErrSignature},
		{"RS256", mint(t, jwt.SigningMethodRS256, rsaKey, valid()), ErrSignature},
		{"public key as HMAC secret", mint(t, jwt.SigningMethodHS256, public, valid()), ErrSignature},
		{"another secret", mint(t, jwt.SigningMethodHS256, other, valid()), ErrSignature},
		{"empty secret", mint(t, jwt.SigningMethodHS256, []byte{}, valid()), ErrSignature},
		{"payload exchanged", parts[0] + "." + payload + "." + parts[2], ErrSignature},
		{"signature cut", parts[0] + "." + parts[1] + ".", ErrSignature},
		{"no audience", mint(t, jwt.SigningMethodHS256, secret, with("aud", nil)), ErrMalformed},
		{"wrong audience", mint(t, jwt.SigningMethodHS256, secret, with("aud", "other")), ErrAudience},
		{"no expiry", mint(t, jwt.SigningMethodHS256, secret, with("exp", nil)), ErrMalformed},
		{"expired", mint(t, jwt.SigningMethodHS256, secret, with("exp", now.Add(-Leeway-time.Second).Unix())), ErrExpired},
		{"not yet", mint(t, jwt.SigningMethodHS256, secret, with("nbf", now.Add(Leeway+2*time.Second).Unix())), ErrNotYetValid},
		{"room is a number", mint(t, jwt.SigningMethodHS256, secret, with("room", 7)), ErrMalformed},
	} {
		c, err := Verify([][]byte{secret}, tc.token, now)
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: err = %v, want %v", tc.name, err, tc.want)
		}
		if c != (Claims{}) {
			t.Errorf("%s: claims %+v came with the error", tc.name, c)
		}
	}

	if _, err := Verify([][]byte{public}, mint(t, jwt.SigningMethodRS256, rsaKey, valid()), now); !errors.Is(err, ErrSignature) {
		t.Errorf("RS256 against its own public key: err = %v, want %v", err, ErrSignature)
	}
	if _, err := Verify(nil, good, now); !errors.Is(err, ErrSecret) {
		t.Errorf("no secrets: err = %v, want %v", err, ErrSecret)
	}
	if _, err := Verify([][]byte{[]byte("short")}, mint(t, jwt.SigningMethodHS256, []byte("short"), valid()), now); !errors.Is(err, ErrSecret) {
		t.Errorf("short secret: err = %v, want %v", err, ErrSecret)
	}
}

func TestEveryFlippedCharacterIsRefused(t *testing.T) {
	good := mint(t, jwt.SigningMethodHS256, secret, valid())
	for i := range good {
		bad := []byte(good)
		bad[i] ^= 1
		if _, err := Verify([][]byte{secret}, string(bad), now); err == nil {
			t.Fatalf("character %d flipped from %q to %q: accepted", i, good[i], bad[i])
		}
	}
}

func TestRoundTrip(t *testing.T) {
	in := Claims{
		Room: "standup", Identity: "u-17", Name: "Zoë", Publish: true, Chat: true,
		NotBefore: now.Add(-time.Minute), Expires: now.Add(time.Hour),
	}
	token, err := Sign(secret, in, now)
	if err != nil {
		t.Fatal(err)
	}
	out, err := Verify([][]byte{secret}, token, now)
	if err != nil {
		t.Fatal(err)
	}
	if !out.Expires.Equal(in.Expires) || !out.NotBefore.Equal(in.NotBefore) {
		t.Errorf("times = %v, %v", out.NotBefore, out.Expires)
	}
	in.NotBefore, in.Expires, out.NotBefore, out.Expires = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	if !reflect.DeepEqual(in, out) {
		t.Errorf("got %+v, want %+v", out, in)
	}
}

func TestClocksMayDiffer(t *testing.T) {
	token, err := Sign(secret, Claims{Room: "r", NotBefore: now, Expires: now.Add(time.Minute)}, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		at   time.Duration
		want error
	}{
		{-31 * time.Second, ErrNotYetValid},
		{-29 * time.Second, nil},
		{89 * time.Second, nil},
		{91 * time.Second, ErrExpired},
	} {
		if _, err := Verify([][]byte{secret}, token, now.Add(tc.at)); !errors.Is(err, tc.want) {
			t.Errorf("at %v: err = %v, want %v", tc.at, err, tc.want)
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
	for _, token := range []string{old, fresh} {
		c, err := Verify([][]byte{secret, other}, token, now)
		if err != nil {
			t.Fatalf("during the rotation: %v", err)
		}
		if c.Expires != now.Add(DefaultLifetime) || c.Admin || !c.Publish || !c.Subscribe || !c.Chat || !c.Data {
			t.Errorf("claims = %+v", c)
		}
	}
	if _, err := Verify([][]byte{secret}, old, now); !errors.Is(err, ErrSignature) {
		t.Errorf("after the rotation: err = %v, want %v", err, ErrSignature)
	}
}

func TestSignRefuses(t *testing.T) {
	for _, tc := range []struct {
		name   string
		secret []byte
		c      Claims
	}{
		{"short secret", secret[:MinSecret-1], Claims{}},
		{"already expired", secret, Claims{Expires: now}},
		{"ends before it begins", secret, Claims{NotBefore: now.Add(2 * time.Hour), Expires: now.Add(time.Hour)}},
	} {
		if token, err := Sign(tc.secret, tc.c, now); err == nil {
			t.Errorf("%s: got %q", tc.name, token)
		}
	}
}

func FuzzVerify(f *testing.F) {
	good, err := Sign(secret, Participant("r", "n"), now)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := Verify([][]byte{secret}, token, now); err == nil && strings.TrimSpace(token) != good {
			t.Fatalf("accepted %q", token)
		}
	})
}
