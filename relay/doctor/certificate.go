package doctor

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// soon is how long before its end a certificate is worth a note: renewal is usually done a month ahead.
const soon = 14 * 24 * time.Hour

// certificate says what a client that checks certificates, as browsers do, makes of this chain at now.
func certificate(chain []*x509.Certificate, host string, roots *x509.CertPool, now time.Time) Check {
	c := Check{Name: "certificate"}
	if len(chain) == 0 {
		return c.fail("none was shown", "Give the server a certificate: --tls-cert and --tls-key (coturn: cert and pkey).")
	}
	leaf := chain[0]
	intermediates := x509.NewCertPool()
	for _, between := range chain[1:] {
		intermediates.AddCert(between)
	}
	until := leaf.NotAfter.UTC().Format("2006-01-02 15:04 UTC")
	if now.After(leaf.NotAfter) {
		return c.fail("expired on "+until, "Renew the certificate, and see that the server takes renewed files: turn serve notices them by itself, other servers want a reload.")
	}
	if now.Before(leaf.NotBefore) {
		return c.fail("not valid before "+leaf.NotBefore.UTC().Format(time.RFC3339), "Set the clock of the machine that made the certificate, or of this one.")
	}
	if err := leaf.VerifyHostname(host); err != nil {
		return c.fail(err.Error(), fmt.Sprintf("Give the server a certificate for %s, or use the name it has one for in the turns: address.", host))
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, CurrentTime: now})
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &unknown) && string(leaf.RawIssuer) == string(leaf.RawSubject):
		return c.fail("self-signed", "Browsers refuse it and tell nobody: use a certificate of a public authority, such as Let's Encrypt.")
	case errors.As(err, &unknown) && len(chain) == 1:
		return c.fail("its issuer "+leaf.Issuer.String()+" is unknown and was not sent along", "Serve the whole chain (fullchain.pem, not cert.pem); if the authority is your own, browsers need its root.")
	case err != nil:
		return c.fail(err.Error(), "Use a certificate of a public authority, such as Let's Encrypt, with its whole chain.")
	}
	c.Detail = fmt.Sprintf("good for %s until %s, by %s", host, until, leaf.Issuer.CommonName)
	c.Status = OK
	if leaf.NotAfter.Sub(now) < soon && leaf.NotAfter.Sub(leaf.NotBefore) > 2*soon {
		c.Status, c.Fix = Note, "Less than two weeks are left: see whether the renewal still runs."
	}
	return c
}

func (c Check) fail(detail, fix string) Check {
	c.Status, c.Detail, c.Fix = Failed, detail, fix
	return c
}

func (c Check) with(status Status, format string, args ...any) Check {
	c.Status, c.Detail = status, fmt.Sprintf(format, args...)
	return c
}
