package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"reflect"
	"strings"
	"testing"
)

// The key and thumbprint of RFC 7638 §3.1, the point of RFC 7515 §A.3, the key and thumbprint of RFC 8037 §A.2 and §A.3.
const (
	rfcRSA = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`
	rfcEC  = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	rfcOKP = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
)

func TestThumbprint(t *testing.T) {
	for text, want := range map[string]string{
		rfcRSA: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
		rfcOKP: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
	} {
		keys, err := ParseKeys([]byte(text))
		if err != nil || len(keys) != 1 || keys[0].Thumbprint() != want {
			t.Errorf("%+v, %v; want %s", keys, err, want)
		}
	}
}

func TestJWKS(t *testing.T) {
	keys, skipped, err := ParseJWKS([]byte(`{"keys":[` + rfcRSA + `,` + rfcEC + `,{"kty":"oct","k":"AAAA"},` + rfcOKP + `]}`))
	if err != nil || len(keys) != 3 || len(skipped) != 1 {
		t.Fatalf("%+v, %v, %v", keys, skipped, err)
	}
	again, skipped, err := ParseJWKS(MarshalJWKS(keys))
	if err != nil || len(skipped) != 0 {
		t.Fatal(skipped, err)
	}
	for i := range keys {
		if keys[i].ID == "" {
			keys[i].ID = keys[i].Thumbprint()
		}
	}
	if !reflect.DeepEqual(keys, again) {
		t.Errorf("%+v became %+v", keys, again)
	}
	if keys, _, err := ParseJWKS([]byte(`{"keys":[]}`)); err != nil || len(keys) != 0 {
		t.Errorf("the empty set, by which all keys are withdrawn: %v, %v", keys, err)
	}
}

func TestJWKRefused(t *testing.T) {
	add := func(key, member string) string { return strings.TrimSuffix(key, "}") + "," + member + "}" }
	for name, tt := range map[string]struct{ text, want string }{
		"not JSON":              {`{`, "parse JWK set"},
		"something else":        {`{"issuer":"x"}`, "neither a JWK set"},
		"null":                  {`{"keys":null}`, "neither a JWK set"},
		"too many":              {`{"keys":[` + strings.Repeat(`{},`, MaxKeys) + `{}]}`, "65 keys"},
		"private":               {add(rfcOKP, `"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"`), "private key"},
		"a secret":              {`{"kty":"oct","k":"MDEyMzQ1Njc4OWFiY2RlZg"}`, "its kind"},
		"for encryption":        {add(rfcOKP, `"use":"enc"`), "its use"},
		"for signing only":      {add(rfcOKP, `"key_ops":["sign"]`), "key_ops"},
		"of another algorithm":  {add(rfcEC, `"alg":"ES384"`), "its alg"},
		"an RSA key for HS256":  {strings.Replace(rfcRSA, "RS256", "HS256", 1), "its alg"},
		"a short RSA key":       {`{"kty":"RSA","n":"` + strings.Repeat("A", 100) + `","e":"AQAB"}`, "bits"},
		"a long RSA key":        {`{"kty":"RSA","n":"` + strings.Repeat("_", 3000) + `","e":"AQAB"}`, "out of range"},
		"an even exponent":      {strings.Replace(rfcRSA, "AQAB", "AQAA", 1), "out of range"},
		"an exponent of one":    {strings.Replace(rfcRSA, "AQAB", "AQ", 1), "out of range"},
		"a huge exponent":       {strings.Replace(rfcRSA, "AQAB", "AQAAAAAB", 1), "out of range"},
		"a point off the curve": {strings.Replace(rfcEC, "f83O", "f83P", 1), "not on curve"},
		"a short coordinate":    {strings.Replace(rfcEC, "f83O", "", 1), "a coordinate"},
		"another curve":         {strings.Replace(rfcEC, "P-256", "secp256k1", 1), "its kind"},
		"a long id":             {add(rfcOKP, `"kid":"`+strings.Repeat("k", maxKeyID+1)+`"`), "kid"},
	} {
		if keys, err := ParseKeys([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %+v, %v; want %q", name, keys, err, tt.want)
		}
	}
}

func TestPEMRefused(t *testing.T) {
	block := func(kind string, der []byte, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	public384, err384 := x509.MarshalPKIXPublicKey(&p384.PublicKey)
	private384, errPrivate := x509.MarshalECPrivateKey(p384)
	for name, tt := range map[string]struct{ content, want string }{
		"empty":             {"", "no key"},
		"not PEM":           {"ssh-ed25519 AAAA", "no key"},
		"private":           {string(pairs()[2].private), "private key"},
		"another curve":     {block("PUBLIC KEY", public384, err384), "want P-256"},
		"a short RSA key":   {block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&small.PublicKey), nil), "1024 bits"},
		"another block":     {block("CRL", []byte{1}, nil), "CRL"},
		"broken":            {block("PUBLIC KEY", []byte{1}, nil), "asn1"},
		"too many":          {strings.Repeat(string(pairs()[2].public), MaxKeys+1), "more than"},
		"one of two broken": {string(pairs()[2].public) + block("PUBLIC KEY", nil, nil), "asn1"},
	} {
		if keys, err := ParseKeys([]byte(tt.content)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %+v, %v; want %q", name, keys, err, tt.want)
		}
	}
	for name, tt := range map[string]struct{ content, want string }{
		"empty":           {"", "openssl genpkey"},
		"public":          {string(pairs()[2].public), "want PRIVATE KEY"},
		"encrypted":       {block("ENCRYPTED PRIVATE KEY", nil, nil), "decrypt it"},
		"another curve":   {block("EC PRIVATE KEY", private384, errPrivate), "want P-256"},
		"a short RSA key": {block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(small), nil), "1024 bits"},
		"broken":          {block("PRIVATE KEY", []byte{1}, nil), "parse private key"},
	} {
		if signer, err := ParseSigner([]byte(tt.content)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("signer, %s: %+v, %v; want %q", name, signer, err, tt.want)
		}
	}
}

func TestOlderPEM(t *testing.T) {
	e, ok := pairs()[1].signer.private.(*ecdsa.PrivateKey)
	r, ok2 := pairs()[0].signer.private.(*rsa.PrivateKey)
	if !ok || !ok2 {
		t.Fatal("the pairs are in another order")
	}
	sec1, err := x509.MarshalECPrivateKey(e)
	if err != nil {
		t.Fatal(err)
	}
	parameters := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 8}})
	for i, content := range [][]byte{
		pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(r)}),
		append(parameters, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})...),
	} {
		signer, err := ParseSigner(content)
		if err != nil || !reflect.DeepEqual(signer.Key(), pairs()[i].signer.Key()) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(rfcRSA))
	f.Add([]byte(`{"keys":[` + rfcEC + `,` + rfcOKP + `]}`))
	f.Add(pairs()[2].public)
	f.Fuzz(func(t *testing.T, content []byte) {
		keys, err := ParseKeys(content)
		if err != nil {
			return
		}
		again, err := ParseKeys(MarshalJWKS(keys))
		if err != nil || len(again) != len(keys) {
			t.Fatalf("%+v became %+v, %v", keys, again, err)
		}
		for i := range keys {
			if keys[i].Thumbprint() != again[i].Thumbprint() {
				t.Fatalf("%+v became %+v", keys[i], again[i])
			}
		}
	})
}
