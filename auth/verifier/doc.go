// Package verifier keeps what join tokens are verified with: secrets, key files, and key sets fetched from JWKS URLs.
//
// The verifying itself is auth.Keyring, which is pure; this package holds the keyring of the moment and exchanges it as a whole, so a
// Verify in progress never sees half a rotation, and none waits for one.
//
// A JWKS URL (RFC 7517 §5) is fetched at the start, then as often as the answer's Cache-Control says (between Options.MinAge and
// Options.MaxAge), and once more when a token names a key that is not there: the issuer has rotated. Those extra fetches are at least MinAge
// apart however many such tokens arrive, and only the tokens that made them wait. While the endpoint cannot be reached the last keys go on
// serving for Options.Stale, then they are dropped: a key that its issuer may have withdrawn is not trusted for ever.
//
// Only HTTPS is fetched, but for loopback addresses; a redirect may not leave the host; body, time and number of keys are bounded. Nothing
// in a token leads to a fetch of anything but the URLs of Options.
package verifier
