package portmux

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// redirect answers a plain HTTP request on a port with TLS: someone typed the address without https. It reads at most one
// request's head.
func (m *Mux) redirect(conn net.Conn) {
	const head = 8 << 10
	req, err := http.ReadRequest(bufio.NewReader(io.LimitReader(conn, head)))
	if err != nil {
		m.refuse(conn, "bad_http")
		return
	}
	answer := "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" +
		"This port speaks HTTPS: use an address that begins with https:// (or wss:// for WebSockets).\n"
	if location, ok := httpsLocation(req); ok {
		answer = fmt.Sprintf("HTTP/1.1 308 Permanent Redirect\r\nLocation: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", location)
	}
	_, _ = io.WriteString(conn, answer) // who can't read it gets the close
	if half, ok := conn.(*sniffedConn).Conn.(interface{ CloseWrite() error }); ok {
		// A close with unread bytes resets the connection, and may take the answer with it: let the client close first.
		_ = half.CloseWrite()
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		_, _ = io.Copy(io.Discard, io.LimitReader(conn, head))
	}
	m.refuse(conn, "plain_http")
}

// httpsLocation is where a page of the same name is. WebSockets and posts are not sent on: their clients would not follow.
func httpsLocation(req *http.Request) (string, bool) {
	uri := req.URL.RequestURI()
	if req.Method != http.MethodGet && req.Method != http.MethodHead || req.Header.Get("Upgrade") != "" ||
		req.Host == "" || strings.ContainsAny(req.Host, "/\\@ ") || !strings.HasPrefix(uri, "/") {
		return "", false
	}
	return "https://" + req.Host + uri, true
}
