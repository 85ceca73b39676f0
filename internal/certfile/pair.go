package certfile

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// checkEvery bounds how often handshakes touch the disk. Renewed certificates overlap the old ones by weeks.
const checkEvery = 10 * time.Second

// Pair is a certificate chain and its key. It is safe for concurrent use.
type Pair struct {
	certPath, keyPath string
	log               *slog.Logger

	mu      sync.Mutex // guards the fields below
	current *tls.Certificate
	stamp   [2]stamp
	checked time.Time
}

// stamp tells one version of a file from another.
type stamp struct {
	modified time.Time
	size     int64
}

// Load reads the certificate chain and key. Its errors say which file is wrong and how.
func Load(certPath, keyPath string, log *slog.Logger) (*Pair, error) {
	p := &Pair{certPath: certPath, keyPath: keyPath, log: log}
	var err error
	if p.stamp, err = p.look(); err != nil {
		return nil, err
	}
	cert, err := tls.LoadX509KeyPair(certPath, keyPath)
	if err != nil {
		return nil, fmt.Errorf("load %s and %s: %w", certPath, keyPath, err)
	}
	p.current, p.checked = &cert, time.Now()
	return p, nil
}

// Get is for tls.Config.GetCertificate. It never fails.
func (p *Pair) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.Sub(p.checked) >= checkEvery {
		p.checked = now
		p.renewLocked()
	}
	return p.current, nil
}

func (p *Pair) renewLocked() {
	seen, err := p.look()
	if err == nil && seen == p.stamp {
		return
	}
	if err == nil {
		var cert tls.Certificate
		if cert, err = tls.LoadX509KeyPair(p.certPath, p.keyPath); err == nil {
			p.current, p.stamp = &cert, seen
			p.log.Info("certificate renewed", "file", p.certPath, "expires", cert.Leaf.NotAfter)
			return
		}
	}
	p.log.Warn("renewed certificate cannot be loaded, keeping the old one", "file", p.certPath, "err", err)
}

func (p *Pair) look() (stamps [2]stamp, err error) {
	for i, path := range []string{p.certPath, p.keyPath} {
		info, err := os.Stat(path)
		if err != nil {
			return stamps, err
		}
		stamps[i] = stamp{info.ModTime(), info.Size()}
	}
	return stamps, nil
}
