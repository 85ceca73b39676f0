package relay

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/confab/confab/auth"
	"github.com/pion/stun/v3"
)

// raw is a client that says what it is told to, right or wrong, over UDP or a stream.
type raw struct {
	t        *testing.T
	conn     net.Conn
	username string
	key      stun.MessageIntegrity // nil: requests go unsigned
	nonce    stun.Nonce
}

// raw dials the lab; the first request of sign learns the nonce.
func (l *lab) raw(network string) *raw {
	l.t.Helper()
	server := l.udp
	if network == "tcp" {
		server = l.tcp
	}
	conn, err := net.Dial(network, server)
	must(l.t, err)
	l.t.Cleanup(func() { _ = conn.Close() })
	return &raw{t: l.t, conn: conn}
}

// as takes a user's credentials, with any password, and fetches a nonce.
func (r *raw) as(username, password string) *raw {
	r.t.Helper()
	r.username, r.key, r.nonce = username, nil, nil
	answer := r.ask(stun.MethodAllocate, requestUDP)
	must(r.t, r.nonce.GetFrom(answer))
	r.key = stun.NewLongTermIntegrity(username, "confab", password)
	return r
}

// alice has good credentials for a minute.
func (r *raw) alice() *raw {
	r.t.Helper()
	return r.as(auth.TURNCredentials(secret, "alice", time.Now().Add(time.Minute)))
}

var requestUDP = stun.RawAttribute{Type: stun.AttrRequestedTransport, Length: 4, Value: []byte{protocolUDP, 0, 0, 0}}

func (r *raw) build(method stun.Method, setters ...stun.Setter) []byte {
	r.t.Helper()
	all := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, setters...)
	if r.key != nil {
		all = append(all, stun.NewUsername(r.username), stun.NewRealm("confab"), r.nonce, r.key)
	}
	m, err := stun.Build(all...)
	must(r.t, err)
	return m.Raw
}

// ask sends a request, signed once there is a key, and returns the answer.
func (r *raw) ask(method stun.Method, setters ...stun.Setter) *stun.Message {
	r.t.Helper()
	r.write(r.build(method, setters...))
	return r.answer()
}

func (r *raw) write(b []byte) {
	r.t.Helper()
	_, err := r.conn.Write(b)
	must(r.t, err)
}

func (r *raw) answer() *stun.Message {
	r.t.Helper()
	b, err := r.read(3 * time.Second)
	must(r.t, err)
	m := &stun.Message{Raw: b}
	must(r.t, m.Decode())
	return m
}

// read returns one datagram, or one frame of a stream.
func (r *raw) read(wait time.Duration) ([]byte, error) {
	must(r.t, r.conn.SetReadDeadline(time.Now().Add(wait)))
	b := make([]byte, 1<<16)
	if _, stream := r.conn.(*net.TCPConn); !stream {
		n, err := r.conn.Read(b)
		return b[:n], err
	}
	if _, err := io.ReadFull(r.conn, b[:4]); err != nil {
		return nil, err
	}
	size, err := frameSize(b)
	must(r.t, err)
	_, err = io.ReadFull(r.conn, b[4:size])
	return b[:size], err
}

// code is the error code of an answer, 0 of a success.
func code(t *testing.T, m *stun.Message) stun.ErrorCode {
	t.Helper()
	if m.Type.Class == stun.ClassSuccessResponse {
		return 0
	}
	var attr stun.ErrorCodeAttribute
	must(t, attr.GetFrom(m))
	return attr.Code
}

// want asks and checks the error code, 0 for success, and that the answer to a request of ours is signed.
func (r *raw) want(code_ stun.ErrorCode, method stun.Method, setters ...stun.Setter) *stun.Message {
	r.t.Helper()
	m := r.ask(method, setters...)
	if got := code(r.t, m); got != code_ {
		r.t.Fatalf("%s: code %d, want %d", method, got, code_)
	}
	return m
}

// allocate makes an allocation and returns its relayed address.
func (r *raw) allocate() netip.AddrPort {
	r.t.Helper()
	m := r.want(0, stun.MethodAllocate, requestUDP)
	var relayed stun.XORMappedAddress
	must(r.t, relayed.GetFromAs(m, stun.AttrXORRelayedAddress))
	addr, _ := netip.AddrFromSlice(relayed.IP)
	return netip.AddrPortFrom(addr.Unmap(), uint16(relayed.Port))
}

// xorPeer is an XOR-PEER-ADDRESS in the notation it is given in: pion's own writes v4-mapped addresses as IPv4.
type xorPeer netip.AddrPort

func (p xorPeer) AddTo(m *stun.Message) error {
	ap := netip.AddrPort(p)
	mask := append([]byte{0x21, 0x12, 0xa4, 0x42}, m.TransactionID[:]...)
	family, ip := byte(1), ap.Addr().AsSlice()
	if len(ip) == 16 {
		family = 2
	}
	v := []byte{0, family, 0, 0}
	binary.BigEndian.PutUint16(v[2:], ap.Port()^0x2112)
	for i, b := range ip {
		v = append(v, b^mask[i])
	}
	m.Add(stun.AttrXORPeerAddress, v)
	return nil
}

func peer(addr string) xorPeer { return xorPeer(netip.MustParseAddrPort(addr)) }

type channelNumber uint16

func (n channelNumber) AddTo(m *stun.Message) error {
	m.Add(stun.AttrChannelNumber, []byte{byte(n >> 8), byte(n), 0, 0})
	return nil
}

type lifetime uint32

func (l lifetime) AddTo(m *stun.Message) error {
	m.Add(stun.AttrLifetime, binary.BigEndian.AppendUint32(nil, uint32(l)))
	return nil
}

// channelData is a frame of a channel, padded.
func channelData(number uint16, data string) []byte {
	b := binary.BigEndian.AppendUint16(nil, number)
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	b = append(b, data...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}
