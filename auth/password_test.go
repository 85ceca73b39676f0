package auth

import (
	"errors"
	"strings"
	"testing"
)

func TestPassword(t *testing.T) {
	hash, err := HashPassword("open sesame", [SaltSize]byte{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(hash, "sesame") {
		t.Errorf("the hash tells: %s", hash)
	}
	if again, _ := HashPassword("open sesame", [SaltSize]byte{4}); again == hash {
		t.Error("the salt changes nothing")
	}
	part := strings.Split(hash, "$")
	with := func(n int, text string) string {
		p := append([]string(nil), part...)
		p[n] = text
		return strings.Join(p, "$")
	}
	for name, tt := range map[string]struct {
		hash, password string
		want           error
	}{
		"right":            {hash, "open sesame", nil},
		"wrong":            {hash, "open sesam", ErrPassword},
		"none":             {hash, "", ErrPassword},
		"too long":         {hash, strings.Repeat("x", maxPassword+1), ErrPassword},
		"no hash":          {"", "open sesame", ErrPasswordHash},
		"another kind":     {with(1, "argon2i"), "open sesame", ErrPasswordHash},
		"another version":  {with(2, "v=16"), "open sesame", ErrPasswordHash},
		"much memory":      {with(3, "m=4194304,t=5,p=1"), "open sesame", ErrPasswordHash},
		"many passes":      {with(3, "m=7168,t=4294967295,p=1"), "open sesame", ErrPasswordHash},
		"no passes":        {with(3, "m=7168,t=0,p=1"), "open sesame", ErrPasswordHash},
		"no lanes":         {with(3, "m=7168,t=5,p=0"), "open sesame", ErrPasswordHash},
		"more behind":      {with(3, "m=7168,t=5,p=1,x=1"), "open sesame", ErrPasswordHash},
		"a salt of others": {with(4, "AAAAAAAAAAAAAAAAAAAAAA"), "open sesame", ErrPassword},
		"no sum":           {with(5, ""), "open sesame", ErrPasswordHash},
	} {
		if err := CheckPassword(tt.hash, tt.password); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if _, err := HashPassword("", [SaltSize]byte{}); err == nil {
		t.Error("no password was hashed")
	}
}

// The hash was made by OpenSSL: Argon2id in Python's package cryptography, with the salt "somesalt12345678".
func TestPasswordVector(t *testing.T) {
	const want = "$argon2id$v=19$m=7168,t=5,p=1$c29tZXNhbHQxMjM0NTY3OA$xyd+bUp888d6o8wEg0sLQAQQmGVAJk5SYrTJnfbeYAg"
	got, err := HashPassword("password", [SaltSize]byte([]byte("somesalt12345678")))
	if err != nil || got != want {
		t.Errorf("%s, %v", got, err)
	}
	if err := CheckPassword(want, "password"); err != nil {
		t.Error(err)
	}
}

func FuzzCheckPassword(f *testing.F) {
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, hash string) { _ = CheckPassword(hash, "x") })
}
