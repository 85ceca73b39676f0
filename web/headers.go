package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// securityHeaders are on every answer. The policy starts from nothing and allows what the app does: its own scripts and
// styles by file, its own WebSocket, pictures and sound from cameras and canvases. ws: and wss: stand beside 'self'
// because Safari before 15.4 does not take 'self' for a WebSocket, and because the SDK may be pointed at another server.
func securityHeaders(frameAncestors []string) (http.Header, error) {
	frames := "'self'"
	for _, source := range frameAncestors {
		u, err := url.Parse(source)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.Path != "" || strings.ContainsAny(source, " ;,") {
			return nil, fmt.Errorf("frame ancestor %q: want an origin like https://example.org", source)
		}
		frames += " " + source
	}
	policy := []string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self' data: blob:",
		"media-src 'self' blob: mediastream:",
		"connect-src 'self' ws: wss:",
		"worker-src 'self'",
		"manifest-src 'self'",
		"base-uri 'none'",
		"form-action 'none'",
		"object-src 'none'",
		"frame-ancestors " + frames,
	}
	// What is not named in Permissions-Policy keeps its default; what a page of ours never asks for is off.
	permissions := []string{
		"camera=(self)", "microphone=(self)", "display-capture=(self)", "fullscreen=(self)", "autoplay=(self)",
		"screen-wake-lock=(self)", "picture-in-picture=(self)", "speaker-selection=(self)", "clipboard-write=(self)",
		"geolocation=()", "payment=()", "usb=()", "serial=()", "bluetooth=()", "midi=()",
	}
	return http.Header{
		"Content-Security-Policy":    {strings.Join(policy, "; ")},
		"Permissions-Policy":         {strings.Join(permissions, ", ")},
		"X-Content-Type-Options":     {"nosniff"},
		"Referrer-Policy":            {"no-referrer"}, // a room's name is its key
		"Cross-Origin-Opener-Policy": {"same-origin"},
	}, nil
}
