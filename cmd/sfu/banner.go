package main

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// banner is what a person reads when the server has started.
type banner struct {
	tcp    netip.AddrPort
	tls    bool
	token  bool         // only with a token
	public []netip.Addr // --public-ip
	lan    []netip.Addr // addresses of the machine that others may reach
}

// write prints the link to open and, when others will be disappointed, why and what to do.
func (b banner) write(w io.Writer, room string) error {
	var text strings.Builder
	fmt.Fprintf(&text, "\nConfab is ready. Open this link, and send it to whom you want to talk to:\n\n    %s\n\n", b.link(b.localHost(), room))
	for _, ip := range b.others() {
		fmt.Fprintf(&text, "    %s   from other devices\n", b.link(ip.String(), room))
	}
	for _, hint := range b.hints() {
		fmt.Fprintf(&text, "\n%s\n", hint)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// link is the page of a room. The port is left out where browsers leave it out.
func (b banner) link(host, room string) string {
	scheme, usual := "http", uint16(80)
	if b.tls {
		scheme, usual = "https", 443
	}
	port := b.tcp.Port()
	if port != usual {
		host = net.JoinHostPort(host, fmt.Sprint(port))
	} else if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return fmt.Sprintf("%s://%s/r/%s", scheme, host, room)
}

// localHost is the name of this machine for its own browser.
func (b banner) localHost() string {
	if b.everywhere() {
		return "localhost"
	}
	return b.tcp.Addr().Unmap().String()
}

// others are the addresses to print for other devices: those given, else those of the machine, when we listen on them.
func (b banner) others() []netip.Addr {
	if !b.everywhere() {
		return nil
	}
	if len(b.public) > 0 {
		return b.public
	}
	return b.lan
}

func (b banner) everywhere() bool { return b.tcp.Addr().IsUnspecified() }

// hints tell what will keep people out, and what to do about it.
func (b banner) hints() []string {
	var hints []string
	reachable := len(b.others()) > 0 || !b.everywhere() && !b.tcp.Addr().IsLoopback()
	if reachable && !b.tls {
		hints = append(hints, "Other devices will see the page but get no camera: browsers allow it on https:// and localhost only.\n"+
			"Give --tls-cert and --tls-key, or put a reverse proxy that speaks HTTPS in front (README.md shows how).")
	}
	if reachable && b.tls && len(b.public) == 0 && !slices.ContainsFunc(b.lan, global) {
		hints = append(hints, "This machine has private addresses only. For people outside of its network, give --public-ip with the address that they reach.")
	}
	if b.token {
		hints = append(hints, "Only people with a token get in. Mint one with: sfu token --secret-file FILE --room ROOM --name NAME")
	}
	return hints
}

// global reports whether people anywhere may reach the address.
func global(ip netip.Addr) bool { return ip.IsGlobalUnicast() && !ip.IsPrivate() }
