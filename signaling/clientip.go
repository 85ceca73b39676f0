package signaling

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/confab/confab/signaling/protocol"
)

// Network is a range of addresses, written 10.0.0.0/8, or one address.
type Network struct{ netip.Prefix }

// UnmarshalText reads a network. One with all addresses is refused: who trusts everybody lets everybody claim any address.
func (n *Network) UnmarshalText(text []byte) error {
	prefix, err := netip.ParsePrefix(string(text))
	if addr, single := netip.ParseAddr(string(text)); single == nil {
		prefix, err = addr.Unmap().Prefix(addr.Unmap().BitLen())
	}
	switch {
	case err != nil:
		return errors.New("write an address such as 10.0.0.1, or a network such as 10.0.0.0/8")
	case prefix.Bits() == 0:
		return errors.New("it holds every address there is, and so anybody could claim to be anybody")
	}
	n.Prefix = prefix.Masked()
	return nil
}

// maxHops is how many proxies may follow each other before a client. Who comes through more is taken for the last that was looked at.
const maxHops = 32

// BehindProxies tells next, as RemoteAddr, who sent a request that came through a trusted proxy: the newest address in X-Forwarded-For
// or Forwarded (RFC 7239) that is not a trusted proxy's itself. Everything in those headers that is older is the client's own claim, and
// is not looked at; from anybody but a trusted proxy, neither are the headers.
//
// A proxy sets one of the two and passes the other on as the client has sent it. Where both come and differ, or Forwarded cannot be read,
// nobody knows who is right, and the request is refused.
func BehindProxies(trusted []Network, next http.Handler) http.Handler {
	if len(trusted) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil { // no IP connection
			next.ServeHTTP(w, r)
			return
		}
		client, err := clientBehind(trusted, peer, r.Header.Values("X-Forwarded-For"), r.Header.Values("Forwarded"))
		if err != nil {
			writeError(w, http.StatusBadRequest, &protocol.Error{
				Code: protocol.CodeMalformed, Message: err.Error(), Hint: "Have the proxy remove the forwarding header that it does not write itself.",
			})
			return
		}
		if client != peer {
			r = r.WithContext(r.Context()) // a copy: the caller's stays as it is
			r.RemoteAddr = client.String()
		}
		next.ServeHTTP(w, r)
	})
}

// clientBehind returns who sent a request that came from peer with those values of the two headers. A port that is not told is 0.
func clientBehind(trusted []Network, peer netip.AddrPort, forwardedFor, forwarded []string) (netip.AddrPort, error) {
	trusts := func(a netip.Addr) bool {
		for _, n := range trusted {
			if n.Contains(a) {
				return true
			}
		}
		return false
	}
	if !trusts(peer.Addr().Unmap().WithZone("")) || len(forwardedFor) == 0 && len(forwarded) == 0 {
		return peer, nil
	}
	older, err := parseForwarded(strings.Join(forwarded, ","))
	if err != nil {
		return peer, err
	}
	listed := nearest(peer, parseForwardedFor(strings.Join(forwardedFor, ",")), trusts)
	if len(forwarded) == 0 {
		return listed, nil
	}
	described := nearest(peer, older, trusts)
	if len(forwardedFor) != 0 && described.Addr() != listed.Addr() {
		return peer, errors.New("the headers X-Forwarded-For and Forwarded name different clients")
	}
	return described, nil
}

// nearest goes from peer back through the nodes that proxies have named, the newest last, to the first that is not a trusted proxy. A
// node without an address ("unknown", "_hidden") hides who is behind it: then it is the proxy that named it.
func nearest(peer netip.AddrPort, nodes []string, trusts func(netip.Addr) bool) netip.AddrPort {
	at := peer
	for i := len(nodes) - 1; i >= max(0, len(nodes)-maxHops); i-- {
		node, ok := parseNode(nodes[i])
		if !ok {
			break
		}
		at = node
		if !trusts(node.Addr()) {
			break
		}
	}
	return at
}

// parseForwardedFor splits the list of X-Forwarded-For.
func parseForwardedFor(value string) []string {
	if strings.TrimSpace(value) == "" {
		return nil
	}
	nodes := strings.Split(value, ",")
	for i := range nodes {
		nodes[i] = strings.TrimSpace(nodes[i])
	}
	return nodes
}

// parseNode reads the node of RFC 7239 §6 and what proxies write into X-Forwarded-For: 192.0.2.1, 192.0.2.1:80, 2001:db8::1,
// [2001:db8::1] and [2001:db8::1]:80. An obfuscated port, as in 192.0.2.1:_web, is 0.
func parseNode(node string) (netip.AddrPort, bool) {
	host, port := node, ""
	if rest, bracket := strings.CutPrefix(node, "["); bracket {
		inside, after, closed := strings.Cut(rest, "]")
		if !closed || after != "" && after[0] != ':' {
			return netip.AddrPort{}, false
		}
		host, port = inside, strings.TrimPrefix(after, ":")
	} else if strings.Count(node, ":") == 1 {
		host, port, _ = strings.Cut(node, ":")
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" {
		return netip.AddrPort{}, false
	}
	number, err := netip.ParseAddrPort("0.0.0.0:" + port)
	if err != nil {
		number = netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr.Unmap(), number.Port()), true
}

// parseForwarded reads the header Forwarded (RFC 7239 §4) and returns the for-node of each element, "" if it has none.
func parseForwarded(value string) (nodes []string, err error) {
	s := value
	bad := func() ([]string, error) {
		return nil, fmt.Errorf("the header Forwarded cannot be read at byte %d", len(value)-len(s))
	}
	node, named, any := "", map[string]bool{}, false
	for {
		s = strings.TrimLeft(s, " \t")
		if name := token(s); name != "" {
			s = s[len(name):]
			if !strings.HasPrefix(s, "=") {
				return bad()
			}
			s = s[1:]
			text, rest, ok := forwardedValue(s)
			name = strings.ToLower(name)
			if !ok || named[name] { // §4: each parameter once
				return bad()
			}
			s, named[name], any = rest, true, true
			if name == "for" {
				node = text
			}
			s = strings.TrimLeft(s, " \t")
		}
		switch {
		case s == "":
			if any {
				nodes = append(nodes, node)
			}
			return nodes, nil
		case s[0] == ';':
		case s[0] == ',':
			if any { // an empty element of a list means nothing (RFC 9110 §5.6.1)
				nodes = append(nodes, node)
			}
			node, any = "", false
			clear(named)
		default:
			return bad()
		}
		s = s[1:]
	}
}

// forwardedValue reads a token or a quoted-string (RFC 9110 §5.6) from the start of s.
func forwardedValue(s string) (text, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		text = token(s)
		return text, s[len(text):], text != ""
	}
	var out strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return out.String(), s[i+1:], true
		case c == '\\' && i+1 < len(s):
			i++
			out.WriteByte(s[i])
		case c == '\\':
			return "", s, false
		default:
			out.WriteByte(c)
		}
	}
	return "", s, false
}

// token returns the token (RFC 9110 §5.6.2) at the start of s, "" if there is none. It takes what many proxies write without the quotes
// that RFC 7239 §6 asks for: the colons of a port, and brackets.
func token(s string) string {
	for i := range len(s) {
		c := s[i]
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("!#$%&'*+-.^_`|~:[]", c) >= 0 {
			continue
		}
		return s[:i]
	}
	return s
}
