package verifier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/confab/confab/auth"
)

// maxBody bounds a JWK set, in bytes: 64 RSA keys of 4096 bits, each with a chain of certificates, fit.
const maxBody = 512 << 10

// defaultAge is how long an answer that says nothing of it is kept.
const defaultAge = 10 * time.Minute

const maxRedirects = 3

// answer is what a URL gave.
type answer struct {
	keys    []auth.Key
	skipped []error
	maxAge  time.Duration
}

// fetch gets and reads one JWK set.
func fetch(ctx context.Context, client *http.Client, from string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close() //nolint:errcheck // nothing was written
	if response.StatusCode != http.StatusOK {
		return answer{}, fmt.Errorf("the answer is %s", response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return answer{}, fmt.Errorf("read: %w", err)
	}
	if len(body) > maxBody {
		return answer{}, fmt.Errorf("the answer has more than %d bytes", maxBody)
	}
	keys, skipped, err := auth.ParseJWKS(body)
	return answer{keys, skipped, maxAge(response.Header.Get("Cache-Control"))}, err
}

// maxAge reads Cache-Control (RFC 9111 §5.2.2). no-store and no-cache ask for the least that we do.
func maxAge(header string) time.Duration {
	age := defaultAge
	for directive := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return 0
		case "max-age":
			if seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
				age = time.Duration(seconds) * time.Second
			}
		}
	}
	return age
}

// checkURL takes HTTPS, and HTTP to this machine, where nobody is in between.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return fmt.Errorf("JWKS URL: %w", err)
	case u.Host == "" || u.User != nil:
		return errors.New("a JWKS URL has a host, and no user and password")
	case u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("JWKS URL %s: want https, since whoever can change the answer can let anybody in", u.Redacted())
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.Unmap().IsLoopback()
}

// confined returns a client that follows a redirect only to the same host and port, and never from HTTPS to HTTP: the operator has named one
// host, and that one should not be able to make this server ask others.
func confined(c *http.Client) *http.Client {
	own := *c
	own.CheckRedirect = func(request *http.Request, via []*http.Request) error {
		first := via[0].URL
		switch {
		case len(via) > maxRedirects:
			return fmt.Errorf("more than %d redirects", maxRedirects)
		case request.URL.Host != first.Host:
			return fmt.Errorf("a redirect to another host, %s", request.URL.Host)
		case request.URL.Scheme != first.Scheme:
			return fmt.Errorf("a redirect from %s to %s", first.Scheme, request.URL.Scheme)
		}
		return nil
	}
	return &own
}
