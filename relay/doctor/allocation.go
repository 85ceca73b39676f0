package doctor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/pion/stun/v3"
)

// Values of attributes (RFC 8656 §18).
const (
	familyIPv4  = 1
	familyIPv6  = 2
	protocolUDP = 17
)

func raw(t stun.AttrType, value ...byte) stun.Setter {
	return stun.RawAttribute{Type: t, Length: uint16(len(value)), Value: value}
}

func lifetime(seconds uint32) stun.Setter {
	return raw(stun.AttrLifetime, binary.BigEndian.AppendUint32(nil, seconds)...)
}

var requestUDP = raw(stun.AttrRequestedTransport, protocolUDP, 0, 0, 0)

// peerAddress is an XOR-PEER-ADDRESS in the notation it is given in: a v4-mapped IPv6 address stays one.
type peerAddress netip.AddrPort

// AddTo implements stun.Setter.
func (p peerAddress) AddTo(m *stun.Message) error {
	ap := netip.AddrPort(p)
	mask := append([]byte{0x21, 0x12, 0xa4, 0x42}, m.TransactionID[:]...)
	family := byte(familyIPv4)
	if ap.Addr().BitLen() == 128 {
		family = familyIPv6
	}
	v := binary.BigEndian.AppendUint16([]byte{0, family}, ap.Port()^0x2112)
	for i, b := range ap.Addr().AsSlice() {
		v = append(v, b^mask[i])
	}
	m.Add(stun.AttrXORPeerAddress, v)
	return nil
}

// xorAddress reads an address attribute.
func xorAddress(m *stun.Message, t stun.AttrType) (netip.AddrPort, error) {
	var a stun.XORMappedAddress
	if err := a.GetFromAs(m, t); err != nil {
		return netip.AddrPort{}, err
	}
	addr, ok := netip.AddrFromSlice(a.IP)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("%s holds no address", t)
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(a.Port)), nil
}

// challenge asks for an allocation without credentials, as RFC 8489 §9.2.3.1 wants it, and keeps realm and nonce. Its error is
// errOpen when the server gave one.
func (s *session) challenge(ctx context.Context) error {
	m, err := s.ask(ctx, stun.MethodAllocate, requestUDP)
	if err == nil {
		return errOpen
	}
	if code, _ := refusedWith(err); code != stun.CodeUnauthorized {
		return err
	}
	if s.realm.GetFrom(m) != nil || s.nonce.GetFrom(m) != nil {
		return errors.New("the 401 has no REALM or no NONCE")
	}
	return nil
}

// errOpen says that an allocation was made without credentials.
var errOpen = errors.New("an allocation without credentials")

// signAs signs what follows.
func (s *session) signAs(username, password string) {
	s.username, s.password = username, password
	s.key = stun.NewLongTermIntegrity(username, string(s.realm), password)
}

// allocate makes the allocation of this session: relayed is its address.
func (s *session) allocate(ctx context.Context, more ...stun.Setter) (relayed netip.AddrPort, lasts time.Duration, err error) {
	m, err := s.request(ctx, stun.MethodAllocate, append([]stun.Setter{requestUDP}, more...)...)
	if err != nil {
		return netip.AddrPort{}, 0, err
	}
	if relayed, err = xorAddress(m, stun.AttrXORRelayedAddress); err != nil {
		return netip.AddrPort{}, 0, fmt.Errorf("the answer has no relayed address: %w", err)
	}
	if v, err := m.Get(stun.AttrLifetime); err == nil && len(v) == 4 {
		lasts = time.Duration(binary.BigEndian.Uint32(v)) * time.Second
	}
	return relayed, lasts, nil
}

// permit asks for a permission.
func (s *session) permit(ctx context.Context, peer netip.AddrPort) error {
	_, err := s.request(ctx, stun.MethodCreatePermission, peerAddress(peer))
	return err
}

// bind binds a channel.
func (s *session) bind(ctx context.Context, number uint16, peer netip.AddrPort) error {
	_, err := s.request(ctx, stun.MethodChannelBind, raw(stun.AttrChannelNumber, byte(number>>8), byte(number), 0, 0), peerAddress(peer))
	if err == nil {
		s.mu.Lock()
		s.peers[number] = peer
		s.mu.Unlock()
	}
	return err
}

// sendChannel sends data on a bound channel.
func (s *session) sendChannel(number uint16, data []byte) error {
	b := binary.BigEndian.AppendUint16(nil, number)
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(data))), data...)
	for s.stream && len(b)%4 != 0 {
		b = append(b, 0)
	}
	_, err := s.conn.Write(b)
	return err
}

// sendIndication sends data to a peer that has a permission.
func (s *session) sendIndication(peer netip.AddrPort, data []byte) error {
	m, err := s.build(stun.MethodSend, stun.ClassIndication, peerAddress(peer), raw(stun.AttrData, data...))
	if err != nil {
		return err
	}
	_, err = s.conn.Write(m.Raw)
	return err
}
