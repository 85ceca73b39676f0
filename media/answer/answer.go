package answer

import (
	"fmt"
	"strings"
)

// MaxMessage is the largest data channel message that is taken, in bytes; announced as a=max-message-size (RFC 8841 §6).
const MaxMessage = 60 << 10

// Local is the server's end of the transport, as pion answered the reduced offer.
type Local struct {
	Ufrag, Pwd, Fingerprint string
	Candidates              []string
}

// Send describes what the server sends in a section: one SSRC for life, and one for its retransmissions (0: none).
type Send struct {
	SSRC, RTX            uint32
	Stream, Track, CName string // sections of one Stream are played in sync (RFC 8830); CName is the server's (RFC 3550 §6.5.1)
}

// Reply is the server's decision on one section. The zero Reply leaves it inactive.
type Reply struct {
	Receive bool
	Send    *Send
}

// Transport is the reduced offer for pion: the transport of the offer, with one data section, alive only if the client
// wants data channels (a dead one keeps pion from starting SCTP).
func (o *Offer) Transport() string {
	var b strings.Builder
	port := 0
	if o.Data() {
		port = 9
	}
	fmt.Fprintf(&b, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE data\r\n")
	fmt.Fprintf(&b, "m=application %d UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:data\r\na=sendrecv\r\n", port)
	fmt.Fprintf(&b, "a=sctp-port:5000\r\na=max-message-size:%d\r\na=setup:actpass\r\n", o.MaxMessage)
	fmt.Fprintf(&b, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=ice-options:trickle\r\na=fingerprint:%s\r\n", o.Ufrag, o.Pwd, o.Fingerprint)
	for _, c := range o.Candidates {
		fmt.Fprintf(&b, "a=candidate:%s\r\n", c)
	}
	return b.String()
}

// ReadLocal takes the transport out of pion's answer to the reduced offer.
func ReadLocal(text string) Local {
	var l Local
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		key, value, _ := strings.Cut(strings.TrimPrefix(line, "a="), ":")
		switch key {
		case "ice-ufrag":
			l.Ufrag = value
		case "ice-pwd":
			l.Pwd = value
		case "fingerprint":
			l.Fingerprint = value
		case "candidate":
			// Component 2 would be RTCP without rtcp-mux, which is never negotiated here.
			if f := strings.Fields(value); len(f) > 1 && f[1] == "1" {
				l.Candidates = append(l.Candidates, value)
			}
		}
	}
	return l
}

// Answer writes the answer. session identifies the server's end for its lifetime and version counts its answers
// (RFC 8866 §5.2). reply is called once for each section that is not refused, except the data section.
func (o *Offer) Answer(l Local, session, version uint64, reply func(*Section) Reply) string {
	var b strings.Builder
	var mids []string
	for i := range o.Sections {
		if s := &o.Sections[i]; !s.Rejected {
			mids = append(mids, s.Mid)
		}
	}
	fmt.Fprintf(&b, "v=0\r\no=- %d %d IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", session, version)
	fmt.Fprintf(&b, "a=group:BUNDLE %s\r\n", strings.Join(mids, " "))
	if o.Mixed {
		b.WriteString("a=extmap-allow-mixed\r\n")
	}
	b.WriteString("a=msid-semantic:WMS *\r\n")
	first := true
	for i := range o.Sections {
		s := &o.Sections[i]
		if s.Rejected {
			s.refuse(&b)
			continue
		}
		s.open(&b)
		if first { // the tagged section carries the candidates of all (RFC 8843 §9.2)
			for _, c := range l.Candidates {
				fmt.Fprintf(&b, "a=candidate:%s\r\n", c)
			}
			b.WriteString("a=end-of-candidates\r\n")
			first = false
		}
		fmt.Fprintf(&b, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=ice-options:trickle\r\n", l.Ufrag, l.Pwd)
		fmt.Fprintf(&b, "a=fingerprint:%s\r\na=setup:passive\r\na=mid:%s\r\n", l.Fingerprint, s.Mid)
		if s.Kind == Data {
			fmt.Fprintf(&b, "a=sctp-port:5000\r\na=max-message-size:%d\r\n", MaxMessage)
			continue
		}
		s.body(&b, reply(s))
	}
	return b.String()
}

// refuse writes the m-line of a section that is not used (RFC 3264 §6). Firefox wants the c= line even here.
func (s *Section) refuse(b *strings.Builder) {
	proto, formats := strings.Join(s.proto, "/"), "0"
	if len(s.formats) > 0 {
		formats = s.formats[0]
	}
	fmt.Fprintf(b, "m=%s 0 %s %s\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\na=inactive\r\n", s.media, proto, formats, s.Mid)
}

func (s *Section) open(b *strings.Builder) {
	if s.Kind == Data {
		b.WriteString("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n")
		return
	}
	fmt.Fprintf(b, "m=%s 9 %s", s.media, strings.Join(s.proto, "/"))
	for _, c := range s.Codecs {
		fmt.Fprintf(b, " %d", c.PayloadType)
		if c.RTX != 0 {
			fmt.Fprintf(b, " %d", c.RTX)
		}
	}
	b.WriteString("\r\nc=IN IP4 0.0.0.0\r\n")
}

// body writes what follows the transport of a media section.
func (s *Section) body(b *strings.Builder, r Reply) {
	receive, send := r.Receive && s.Sends, r.Send != nil && s.Receives
	switch {
	case receive && send:
		b.WriteString("a=sendrecv\r\n")
	case receive:
		b.WriteString("a=recvonly\r\n")
	case send:
		b.WriteString("a=sendonly\r\n")
	default:
		b.WriteString("a=inactive\r\n")
	}
	b.WriteString("a=rtcp-mux\r\na=rtcp-rsize\r\n")
	for _, e := range s.Extensions {
		if u := accepted[e.URI]; u.receive && receive || u.send && send {
			fmt.Fprintf(b, "a=extmap:%d %s\r\n", e.ID, e.URI)
		}
	}
	for _, c := range s.Codecs {
		c.write(b, receive)
	}
	if receive && len(s.RIDs) > 0 {
		for _, rid := range s.RIDs {
			fmt.Fprintf(b, "a=rid:%s recv\r\n", rid)
		}
		fmt.Fprintf(b, "a=simulcast:recv %s\r\n", strings.Join(s.RIDs, ";"))
	}
	if send {
		r.Send.write(b)
	}
}

func (c *Codec) write(b *strings.Builder, receive bool) {
	fmt.Fprintf(b, "a=rtpmap:%d %s/%d", c.PayloadType, c.Name, c.ClockRate)
	if c.Channels != "" {
		fmt.Fprintf(b, "/%s", c.Channels)
	}
	b.WriteString("\r\n")
	if c.Fmtp != "" {
		fmt.Fprintf(b, "a=fmtp:%d %s\r\n", c.PayloadType, c.Fmtp)
	}
	for _, f := range c.feedback {
		if f != "transport-cc" || receive {
			fmt.Fprintf(b, "a=rtcp-fb:%d %s\r\n", c.PayloadType, f)
		}
	}
	if c.RTX != 0 {
		fmt.Fprintf(b, "a=rtpmap:%d rtx/%d\r\na=fmtp:%d apt=%d\r\n", c.RTX, c.ClockRate, c.RTX, c.PayloadType)
	}
}

func (w *Send) write(b *strings.Builder) {
	fmt.Fprintf(b, "a=msid:%s %s\r\n", w.Stream, w.Track)
	if w.RTX != 0 {
		fmt.Fprintf(b, "a=ssrc-group:FID %d %d\r\n", w.SSRC, w.RTX)
	}
	for _, ssrc := range []uint32{w.SSRC, w.RTX} {
		if ssrc != 0 {
			fmt.Fprintf(b, "a=ssrc:%d cname:%s\r\na=ssrc:%d msid:%s %s\r\n", ssrc, w.CName, ssrc, w.Stream, w.Track)
		}
	}
}

// Nack tells whether lost packets of the codec may be asked for (RFC 4585 generic NACK).
func (c *Codec) Nack() bool { return c.takes("nack") }

// PLI tells whether a keyframe may be asked for (RFC 4585 §6.3.1).
func (c *Codec) PLI() bool { return c.takes("nack pli") }

func (c *Codec) takes(feedback string) bool {
	for _, f := range c.feedback {
		if f == feedback {
			return true
		}
	}
	return false
}
