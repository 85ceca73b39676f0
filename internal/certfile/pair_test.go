package certfile

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// write puts a fresh self-signed pair with the serial number into dir. The size of the files differs with the serial.
func write(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePEM(t, cert, "CERTIFICATE", der)
	writePEM(t, key, "PRIVATE KEY", keyDER)
	return cert, key
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func serial(t *testing.T, p *Pair) int64 {
	t.Helper()
	cert, err := p.Get(nil)
	if err != nil {
		t.Fatal(err)
	}
	return cert.Leaf.SerialNumber.Int64()
}

func TestRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cert, key := write(t, dir, 1)
		p, err := Load(cert, key, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		expect := func(step string, want int64) {
			t.Helper()
			if got := serial(t, p); got != want {
				t.Errorf("%s: serial %d, want %d", step, got, want)
			}
		}
		write(t, dir, 1<<40)
		expect("within the interval the disk is left alone", 1)
		time.Sleep(checkEvery)
		expect("renewed", 1<<40)

		good, err := os.ReadFile(key)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(key, []byte("half a k"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(checkEvery)
		expect("a broken renewal keeps the old one", 1<<40)
		if err := os.WriteFile(key, good, 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(checkEvery)
		expect("mended", 1<<40)
		if err := os.Remove(cert); err != nil {
			t.Fatal(err)
		}
		time.Sleep(checkEvery)
		expect("a removed file keeps the old one", 1<<40)
	})
}

func TestLoadFaults(t *testing.T) {
	dir := t.TempDir()
	cert, key := write(t, dir, 1)
	log := slog.New(slog.DiscardHandler)
	if _, err := Load(filepath.Join(dir, "absent"), key, log); !os.IsNotExist(err) {
		t.Errorf("absent certificate: %v", err)
	}
	if _, err := Load(key, cert, log); err == nil {
		t.Error("swapped files were accepted")
	}
}
