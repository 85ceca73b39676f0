package auth

import (
	"errors"
	"testing"
	"time"
)

// The vector is `printf '1433895918:ninefingers' | openssl dgst -sha1 -hmac logen -binary | base64`, the example user and
// secret of coturn's documentation, computed by OpenSSL.
func TestTURNCredentialsVector(t *testing.T) {
	user, pass := TURNCredentials([]byte("logen"), "ninefingers", time.Unix(1433895918, 0))
	if user != "1433895918:ninefingers" {
		t.Errorf("username = %q", user)
	}
	if want := "HY+Vd729N0UZ/xCzjg1F0GsoMK8="; pass != want {
		t.Errorf("password = %q, want %q", pass, want)
	}
}

func TestParseTURNUsername(t *testing.T) {
	for _, tc := range []struct {
		in      string
		expires int64
		user    string
		ok      bool
	}{
		{"1433895918:ninefingers", 1433895918, "ninefingers", true},
		{"7:", 7, "", true},
		{"7:a:b", 7, "a:b", true},
		{"", 0, "", false},
		{"1433895918", 0, "", false},
		{"alice:1433895918", 0, "", false},
		{"-1:x", 0, "", false},
		{"+1:x", 0, "", false},
		{"007:x", 0, "", false},
		{" 7:x", 0, "", false},
		{"99999999999999999999:x", 0, "", false},
	} {
		expires, user, err := ParseTURNUsername(tc.in)
		if (err == nil) != tc.ok {
			t.Errorf("%q: err = %v, want ok %v", tc.in, err, tc.ok)
		}
		if err != nil {
			if !errors.Is(err, ErrTURNUsername) {
				t.Errorf("%q: %v is not ErrTURNUsername", tc.in, err)
			}
			continue
		}
		if expires.Unix() != tc.expires || user != tc.user {
			t.Errorf("%q = %d, %q; want %d, %q", tc.in, expires.Unix(), user, tc.expires, tc.user)
		}
	}
}

func FuzzParseTURNUsername(f *testing.F) {
	f.Add("1433895918:ninefingers")
	f.Add(":")
	f.Fuzz(func(t *testing.T, in string) {
		expires, user, err := ParseTURNUsername(in)
		if err != nil {
			return
		}
		if again, _ := TURNCredentials([]byte("s"), user, expires); again != in {
			t.Fatalf("%q became %q", in, again)
		}
	})
}
