//go:build amd64 || arm64

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const help = `Measures the relay beside coturn, a stock pion/turn server and a forwarder without a protocol.

  scripts/bench turn              all rows, 5 runs of each, about 15 minutes
  scripts/bench turn --quick      1 short run of each: one to two minutes, and noisier
  scripts/bench turn --runs 3 --only 'scattered|bursts'

The server has one processor, the generator another. A figure is packets relayed per second of the server's processor time, in
thousands, or what the row says; ratios are of medians, within this run. Machines are noisy: do not compare absolute figures.
Exits with 1 when a bar does not hold.

`

func main() {
	serve := flag.String("serve", "", "be a server: stock or forwarder (for the benchmark itself)")
	ip, port := flag.String("ip", "127.0.0.1", "where to serve"), flag.Int("port", 3490, "UDP and TCP port to serve at; TLS is one higher")
	clients := flag.Int("clients", 50, "clients of the forwarder")
	dir := flag.String("dir", "", "with the turn program; everything else is made there")
	runs := flag.Int("runs", 5, "how often each row runs")
	length := flag.Duration("length", 2*time.Second, "how long each run takes")
	quick := flag.Bool("quick", false, "one run of 700 ms for each row")
	only := flag.String("only", "", "rows whose name holds one of these words, separated by |")
	cpus := flag.String("cpus", "0,1", "processors of the server and of the generator")
	flag.Usage = func() { fmt.Fprint(os.Stderr, help); flag.PrintDefaults() }
	flag.Parse()
	if *quick {
		*runs, *length = 1, 700*time.Millisecond
	}
	err := func() error {
		switch *serve {
		case "stock":
			pair, err := tls.LoadX509KeyPair(filepath.Join(*dir, "cert.pem"), filepath.Join(*dir, "key.pem"))
			if err != nil {
				return err
			}
			return stock(*ip, *port, pair)
		case "forwarder":
			return forwarder(*ip, *port, *clients, peerAt)
		}
		serverCPU, own, ok := strings.Cut(*cpus, ",")
		if !ok {
			return fmt.Errorf("--cpus takes two processors, such as 0,1")
		}
		if err := pin(own); err != nil {
			return err
		}
		self, err := os.Executable()
		if err != nil {
			return err
		}
		if err := certificate(*dir); err != nil {
			return err
		}
		b := &bench{
			lab:  lab{dir: *dir, self: self, cpu: serverCPU, ip: *ip, port: *port, peerNets: "127.0.0.0/8"},
			runs: *runs, length: *length, quick: *quick,
		}
		return b.all(*only)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "turnbench:", err)
		os.Exit(1)
	}
}

// peerAt is where the peer is; the forwarder must know.
var peerAt = netip.MustParseAddrPort("127.1.0.1:7000")

// pin keeps this process on one processor.
func pin(cpu string) error {
	out, err := exec.Command("taskset", "-a", "-p", "-c", cpu, fmt.Sprint(os.Getpid())).CombinedOutput()
	if err != nil {
		return fmt.Errorf("taskset: %w: %s", err, out)
	}
	return nil
}

// certificate makes what the servers serve TLS with, and the file of secrets.
func certificate(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for name, b := range map[string][]byte{
		"cert.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		"key.pem":  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		"secrets":  []byte(secret + "\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}
