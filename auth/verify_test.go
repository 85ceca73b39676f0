package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// pair is a key of one algorithm, with the two files it comes in.
type pair struct {
	algorithm       string
	private, public []byte // PEM
	signer          *Signer
}

func newPair(algorithm string, private crypto.Signer, err error) pair {
	if err != nil {
		panic(err)
	}
	p := pair{algorithm: algorithm}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		panic(err)
	}
	p.private = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if der, err = x509.MarshalPKIXPublicKey(private.Public()); err != nil {
		panic(err)
	}
	p.public = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	if p.signer, err = ParseSigner(p.private); err != nil {
		panic(err)
	}
	return p
}

// pairs makes one key of each algorithm, once, as RSA keys take their time.
var pairs = sync.OnceValue(func() []pair {
	r, err := rsa.GenerateKey(rand.Reader, minRSA)
	rs := newPair(RS256, r, err)
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	es := newPair(ES256, e, err)
	_, d, err := ed25519.GenerateKey(rand.Reader)
	return []pair{rs, es, newPair(EdDSA, d, err)}
})

func raw(header, payload string, key []byte) string {
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(header)) + "." + encode([]byte(payload))
	sum, err := jwt.SigningMethodHS256.Sign(signed, key)
	if err != nil {
		panic(err)
	}
	return signed + "." + encode(sum)
}

func TestVerifyRefuses(t *testing.T) {
	const head, body = `{"alg":"HS256"}`, `{"aud":"confab","exp":1900000000,"room":"r"}`
	rs := pairs()[0]
	rsa := rs.signer.private
	good := mint(t, jwt.SigningMethodHS256, secret, valid())
	parts := strings.Split(good, ".")
	payload := base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"confab","exp":1900000000,"room":"r","grants":["admin"]}`))
	none := mint(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, valid())
	header := func(name string, value any) string {
		return mintHeader(t, jwt.SigningMethodHS256, secret, valid(), map[string]any{name: value})
	}
	for _, tc := range []struct {
		name  string
		token string
		want  error
	}{
		{"empty", "", ErrMalformed},
		{"garbage", "a.b.c", ErrMalformed},
		{"two parts", parts[0] + "." + parts[1], ErrMalformed},
		{"five parts, as of JWE", good + ".a.b", ErrMalformed},
		{"padding", good + "=", ErrMalformed},
		{"line break", good[:10] + "\n" + good[10:], ErrMalformed},
		{"too large", strings.Repeat("a", MaxToken+1), ErrTooLarge},
		{"large claim", mint(t, jwt.SigningMethodHS256, secret, with("x", strings.Repeat("x", MaxToken))), ErrTooLarge},

		{"alg none", none, ErrAlgorithm},
		{"alg none, signature kept", strings.Split(none, ".")[0] + "." + parts[1] + "." + parts[2], ErrAlgorithm},
		{"alg NONE", raw(`{"alg":"NONE"}`, body, secret), ErrAlgorithm},
		{"no alg", raw(`{"typ":"JWT"}`, body, secret), ErrAlgorithm},
		{"alg is a number", raw(`{"alg":256}`, body, secret), ErrMalformed},
		{"alg in another case", raw(`{"alg":"hs256"}`, body, secret), ErrAlgorithm},
		{"alg under another key", raw(`{"ALG":"HS256"}`, body, secret), ErrAlgorithm},
		{"another HMAC", mint(t, jwt.SigningMethodHS512, secret, valid()), ErrAlgorithm},
		{"another RSA", mint(t, jwt.SigningMethodPS256, rsa, valid()), ErrAlgorithm},
		{"a key that is not here", mint(t, jwt.SigningMethodRS256, rsa, valid()), ErrUnknownKey},
		{"public key as HMAC secret", mint(t, jwt.SigningMethodHS256, rs.public, valid()), ErrSignature},

		{"crit", header("crit", []string{"exp"}), ErrCritical},
		{"empty crit", header("crit", []string{}), ErrCritical},
		{"unencoded payload", mintHeader(t, jwt.SigningMethodHS256, secret, valid(), map[string]any{"b64": false, "crit": []string{"b64"}}), ErrCritical},
		{"another type", header("typ", "dpop+jwt"), ErrMalformed},
		{"long key id", header("kid", strings.Repeat("k", maxKeyID+1)), ErrMalformed},
		{"control character in the key id", header("kid", "a\x00b"), ErrMalformed},
		{"key id is an object", header("kid", map[string]any{"a": 1}), ErrMalformed},

		{"another secret", mint(t, jwt.SigningMethodHS256, other, valid()), ErrSignature},
		{"empty secret", mint(t, jwt.SigningMethodHS256, []byte{}, valid()), ErrSignature},
		{"payload exchanged", parts[0] + "." + payload + "." + parts[2], ErrSignature},
		{"signature cut", parts[0] + "." + parts[1] + ".", ErrSignature},
		{"wrong signature and expired", mint(t, jwt.SigningMethodHS256, other, with("exp", 1)), ErrSignature},

		{"header key twice", raw(`{"alg":"none","alg":"HS256"}`, body, secret), ErrDuplicate},
		{"claim twice", raw(head, `{"aud":"confab","exp":1900000000,"room":"r","room":"q"}`, secret), ErrDuplicate},
		{"claim twice, escaped", raw(head, `{"aud":"confab","exp":1900000000,"room":"r","r\u006fom":"q"}`, secret), ErrDuplicate},
		{"key twice inside", raw(head, `{"aud":"confab","exp":1900000000,"x":[{"a":1,"a":2}]}`, secret), ErrDuplicate},
		{"deep", raw(head, `{"x":`+strings.Repeat("[", 20)+strings.Repeat("]", 20)+`}`, secret), ErrMalformed},
		{"two values", raw(head, body+`{}`, secret), ErrMalformed},
		{"null", raw(head, `null`, secret), ErrMalformed},
		{"a list", raw(head, `[]`, secret), ErrMalformed},
		{"not UTF-8", raw(head, "{\"room\":\"\xff\"}", secret), ErrMalformed},

		{"no audience", mint(t, jwt.SigningMethodHS256, secret, with("aud", nil)), ErrAudience},
		{"wrong audience", mint(t, jwt.SigningMethodHS256, secret, with("aud", "other")), ErrAudience},
		{"wrong audiences", mint(t, jwt.SigningMethodHS256, secret, with("aud", []string{"a", "confab2"})), ErrAudience},
		{"audience is a number", mint(t, jwt.SigningMethodHS256, secret, with("aud", 7)), ErrMalformed},
		{"no expiry", mint(t, jwt.SigningMethodHS256, secret, with("exp", nil)), ErrNoExpiry},
		{"expiry in another case", raw(head, `{"aud":"confab","EXP":1900000000,"room":"r"}`, secret), ErrNoExpiry},
		{"expiry is text", mint(t, jwt.SigningMethodHS256, secret, with("exp", "1900000000")), ErrMalformed},
		{"expiry is null", raw(head, `{"aud":"confab","exp":null,"room":"r"}`, secret), ErrMalformed},
		{"expiry out of range", raw(head, `{"aud":"confab","exp":1e300,"room":"r"}`, secret), ErrMalformed},
		{"expired", mint(t, jwt.SigningMethodHS256, secret, with("exp", now.Add(-Leeway).Unix())), ErrExpired},
		{"not yet", mint(t, jwt.SigningMethodHS256, secret, with("nbf", now.Add(Leeway+time.Second).Unix())), ErrNotYetValid},

		{"room is a number", mint(t, jwt.SigningMethodHS256, secret, with("room", 7)), ErrMalformed},
		{"control character in the name", mint(t, jwt.SigningMethodHS256, secret, with("name", "a\nb")), ErrMalformed},
		{"long identity", mint(t, jwt.SigningMethodHS256, secret, with("sub", strings.Repeat("x", maxIdentity+1))), ErrMalformed},
		{"unknown role", mint(t, jwt.SigningMethodHS256, secret, with("role", "captain")), ErrRole},
		{"empty role", mint(t, jwt.SigningMethodHS256, secret, with("role", "")), ErrRole},
		{"grants are text", mint(t, jwt.SigningMethodHS256, secret, with("grants", "publish")), ErrMalformed},
		{"uses without an id", mint(t, jwt.SigningMethodHS256, secret, with("uses", 1)), ErrMalformed},
		{"half a use", mint(t, jwt.SigningMethodHS256, secret, with("uses", 0.5)), ErrMalformed},
		{"no use", mint(t, jwt.SigningMethodHS256, secret, with("uses", 0)), ErrMalformed},
	} {
		c, err := Verify([][]byte{secret}, tc.token, now)
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: err = %v, want %v", tc.name, err, tc.want)
		}
		if c != (Claims{}) {
			t.Errorf("%s: claims %+v came with the error", tc.name, c)
		}
	}
	if _, err := Verify(nil, good, now); !errors.Is(err, ErrSecret) {
		t.Errorf("no secrets: err = %v, want %v", err, ErrSecret)
	}
	if _, err := Verify([][]byte{[]byte("short")}, mint(t, jwt.SigningMethodHS256, []byte("short"), valid()), now); !errors.Is(err, ErrSecret) {
		t.Errorf("short secret: err = %v, want %v", err, ErrSecret)
	}
	// What the bearer can do nothing about is not held against the token.
	for name, token := range map[string]string{
		"key id of a secret": header("kid", "../../etc/passwd"), "a URL to keys": header("jku", "http://127.0.0.1:1/"), "an access token": header("typ", "at+JWT"),
	} {
		if _, err := Verify([][]byte{secret}, token, now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryFlippedCharacterIsRefused(t *testing.T) {
	k := Keyring{Secrets: [][]byte{secret}}
	tokens := []string{mint(t, jwt.SigningMethodHS256, secret, valid())}
	for _, p := range pairs() {
		token, err := p.signer.Sign(Participant("r", ""), "", now)
		if err != nil {
			t.Fatal(err)
		}
		k.Keys, tokens = append(k.Keys, p.signer.Key()), append(tokens, token)
	}
	for _, good := range tokens {
		if _, err := k.Verify(good, now); err != nil {
			t.Fatal(err)
		}
		for i := range good {
			bad := []byte(good)
			bad[i] ^= 1
			if _, err := k.Verify(string(bad), now); err == nil {
				t.Fatalf("character %d flipped from %q to %q: accepted", i, good[i], bad[i])
			}
		}
	}
}

func TestKeys(t *testing.T) {
	for _, p := range pairs() {
		keys, err := ParseKeys(p.public)
		if err != nil || len(keys) != 1 || keys[0].Algorithm != p.algorithm || keys[0].ID != "" {
			t.Fatalf("%s: %+v, %v", p.algorithm, keys, err)
		}
		token, err := p.signer.Sign(Participant("r", "n"), "", now)
		if err != nil {
			t.Fatal(err)
		}
		named := p.signer.Key()
		stranger := named
		stranger.ID = "somebody else's"
		for _, tt := range []struct {
			name string
			ring Keyring
			want error
		}{
			{"from PEM", Keyring{Keys: keys}, nil},
			{"by its id", Keyring{Keys: []Key{named}}, nil},
			{"among all", Keyring{Secrets: [][]byte{secret}, Keys: []Key{pairs()[0].signer.Key(), pairs()[1].signer.Key(), pairs()[2].signer.Key()}}, nil},
			{"under another id", Keyring{Keys: []Key{stranger}}, ErrUnknownKey},
			{"secrets only", Keyring{Secrets: [][]byte{secret}}, ErrUnknownKey},
			{"the public key is the secret", Keyring{Secrets: [][]byte{p.public}}, ErrUnknownKey},
			{"nothing", Keyring{}, ErrUnknownKey},
			{"another audience", Keyring{Keys: keys, Audience: "shop"}, ErrAudience},
			{"another issuer", Keyring{Keys: keys, Issuer: "https://id.example.org"}, ErrIssuer},
		} {
			if _, err := tt.ring.Verify(token, now); !errors.Is(err, tt.want) {
				t.Errorf("%s, %s: %v, want %v", p.algorithm, tt.name, err, tt.want)
			}
		}
		// The public key is no secret: whoever has it must not be able to mint with it.
		ring := Keyring{Keys: []Key{named}}
		for name, forged := range map[string]string{
			"PEM as secret":          mint(t, jwt.SigningMethodHS256, p.public, valid()),
			"with the id of the key": mintHeader(t, jwt.SigningMethodHS256, p.public, valid(), map[string]any{"kid": named.ID}),
		} {
			if _, err := ring.Verify(forged, now); !errors.Is(err, ErrAlgorithm) {
				t.Errorf("%s, %s: %v", p.algorithm, name, err)
			}
		}
		for _, kid := range []string{"../../dev/null", "' OR '1'='1", "https://example.org/keys", "*"} {
			forged := mintHeader(t, methods[p.algorithm], p.signer.private, valid(), map[string]any{"kid": kid})
			if _, err := ring.Verify(forged, now); !errors.Is(err, ErrUnknownKey) {
				t.Errorf("%s, key id %q: %v", p.algorithm, kid, err)
			}
		}
		// A token that brings its own key proves nothing.
		_, own, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		public, err := newKey("", own.Public())
		if err != nil {
			t.Fatal(err)
		}
		forged := mintHeader(t, jwt.SigningMethodEdDSA, own, valid(), map[string]any{"jwk": public.jwk(), "jku": "https://example.org/"})
		if _, err := ring.Verify(forged, now); !errors.Is(err, ErrSignature) && !errors.Is(err, ErrUnknownKey) {
			t.Errorf("%s, its own key: %v", p.algorithm, err)
		}
		if _, err := ring.Verify(mint(t, methods[p.algorithm], p.signer.private, with("room", nil)), now); !errors.Is(err, ErrNoRoom) {
			t.Errorf("%s, no room: %v", p.algorithm, err)
		}
	}
}

func TestAudienceAndIssuer(t *testing.T) {
	p := pairs()[2]
	c := Participant("r", "n")
	c.Issuer = "https://id.example.org"
	token, err := p.signer.Sign(c, "calls", now)
	if err != nil {
		t.Fatal(err)
	}
	ring := Keyring{Keys: []Key{p.signer.Key()}, Audience: "calls", Issuer: "https://id.example.org"}
	if got, err := ring.Verify(token, now); err != nil || got.Issuer != c.Issuer {
		t.Errorf("%+v, %v", got, err)
	}
}

// With many keys without an id only some are tried: a token must not buy the server's time.
func TestFewKeysAreTried(t *testing.T) {
	p := pairs()[2]
	var ring Keyring
	for range maxCandidates {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		ring.Keys = append(ring.Keys, Key{"", EdDSA, public})
	}
	ring.Keys = append(ring.Keys, Key{"", EdDSA, p.signer.Key().Public})
	token := mint(t, jwt.SigningMethodEdDSA, p.signer.private, valid())
	if _, err := ring.Verify(token, now); !errors.Is(err, ErrSignature) {
		t.Errorf("with %d keys before it: %v", maxCandidates, err)
	}
	ring.Keys = ring.Keys[1:]
	if _, err := ring.Verify(token, now); err != nil {
		t.Errorf("with one less: %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	ring := Keyring{Secrets: [][]byte{secret}}
	good := map[string]bool{}
	add := func(token string, err error) {
		if err != nil {
			f.Fatal(err)
		}
		good[token] = true
		f.Add(token)
	}
	add(Sign(secret, Participant("r", "n"), now))
	add(MintInvite(secret, party(), now))
	for _, p := range pairs() {
		ring.Keys = append(ring.Keys, p.signer.Key())
		add(p.signer.Sign(Participant("r", "n"), "", now))
	}
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := ring.Verify(token, now); err == nil && !good[strings.TrimSpace(token)] {
			t.Fatalf("accepted %q", token)
		}
	})
}

// FuzzPayload goes where FuzzVerify cannot: behind a signature that is right.
func FuzzPayload(f *testing.F) {
	f.Add(`{"aud":"confab","exp":1900000000,"room":"r","role":"host","grants":["publish"],"uses":2,"jti":"x"}`)
	f.Add(`{"aud":["confab"],"exp":1.9e9,"nbf":0,"iss":"i","sub":"s"}`)
	f.Fuzz(func(t *testing.T, payload string) {
		c, err := Verify([][]byte{secret}, raw(`{"alg":"HS256"}`, payload, secret), now)
		if err != nil {
			return
		}
		if c.Room == "" || !c.Role.Valid() || !c.Expires.Add(Leeway).After(now) || c.Uses > 0 && c.ID == "" {
			t.Fatalf("%q became %+v", payload, c)
		}
		if _, err := Sign(secret, c, now); err != nil && c.Expires.After(now) && c.Expires.After(c.NotBefore) && !strings.Contains(c.Room[:len(c.Room)-1], "*") {
			t.Fatalf("%q became %+v, which cannot be signed: %v", payload, c, err)
		}
	})
}
