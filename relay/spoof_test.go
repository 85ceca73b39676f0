package relay

import (
	"encoding/binary"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/stun/v3"
)

// spoofed is a socket on which datagrams come with forged sources: every other one from an address of its own, the rest from one
// address, whose owner a reflection would hit.
type spoofed struct {
	net.PacketConn // of loopback: an address, deadlines
	datagram       []byte
	most           uint32
	in             atomic.Uint32 // datagrams given
	out, outBytes  atomic.Uint64
	toVictim       atomic.Uint64
	done           chan struct{} // closed after the last datagram
	once           sync.Once
	closed         chan struct{}
}

func (s *spoofed) ReadFrom(b []byte) (int, net.Addr, error) {
	n := s.in.Add(1)
	if n > s.most {
		s.once.Do(func() { close(s.done) })
		<-s.closed
		return 0, nil, os.ErrClosed
	}
	ip := binary.BigEndian.AppendUint32(nil, 0x08000000+n*7919) // each from another /24
	if n%2 == 0 {
		ip = victim.IP.To4()
	}
	size := copy(b, s.datagram)
	binary.BigEndian.PutUint32(b[8:], n) // a transaction of its own
	return size, &net.UDPAddr{IP: ip, Port: int(1024 + n%60000)}, nil
}

var victim = &net.UDPAddr{IP: net.IPv4(9, 9, 9, 9)}

func (s *spoofed) WriteTo(b []byte, to net.Addr) (int, error) {
	s.out.Add(1)
	if to.(*net.UDPAddr).IP.Equal(victim.IP) {
		s.toVictim.Add(1)
	}
	s.outBytes.Add(uint64(len(b)))
	return len(b), nil
}

func (s *spoofed) Close() error {
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	return s.PacketConn.Close()
}

// 100 000 Allocate requests from forged addresses: none gets an allocation, the answers are bounded, memory stays flat, and who is in a
// call beside them loses nothing.
func TestSpoofedAllocates(t *testing.T) {
	const flood = 100_000
	request, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), requestUDP)
	must(t, err)
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(t, err)
	s := &spoofed{PacketConn: conn, datagram: request.Raw, most: flood, done: make(chan struct{}), closed: make(chan struct{})}
	sink := listen(t)
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before := m.HeapAlloc
	l := newLab(t, func(o *Options) {
		o.UDP = append(o.UDP, s)
		o.Services = []Service{{Public: addrPort(sink.LocalAddr())}}
	})
	alice := l.raw("udp").alice()
	alice.allocate()
	alice.want(0, stun.MethodChannelBind, xorPeer(addrPort(sink.LocalAddr())), channelNumber(0x4000))

	start := time.Now()
	sent, heard := 0, 0
	buffer := make([]byte, 2000)
	for flooding := true; flooding || sent < 50; sent++ {
		alice.write(channelData(0x4000, "media"))
		must(t, sink.SetReadDeadline(time.Now().Add(5*time.Second)))
		if _, _, err := sink.ReadFrom(buffer); err == nil {
			heard++
		}
		select {
		case <-s.done:
			flooding = false
		default:
		}
	}
	if heard != sent {
		t.Errorf("%d of %d datagrams of a call came through", heard, sent)
	}
	if n := l.Allocations(); n != 1 {
		t.Errorf("%d allocations, want that of the call", n)
	}
	if n := s.out.Load(); n > flood {
		t.Errorf("%d answers to %d requests", n, flood)
	}
	if factor := float64(s.outBytes.Load()) / float64(flood*len(request.Raw)); factor > 4 { // as TestAmplification has it
		t.Errorf("amplified by %.1f", factor)
	}
	// The victim gets the burst of one address, and then the rate of one.
	if n, most := s.toVictim.Load(), 200+50*(time.Since(start).Seconds()+1); n == 0 || float64(n) > most {
		t.Errorf("%d answers to one forged address, want at most %.0f", n, most)
	}
	if n, want := l.count("relay_dropped_packets_total", "rate_limited"), float64(flood/2-int(s.toVictim.Load())); n < want {
		t.Errorf("%.0f requests counted as refused for their rate, want %.0f", n, want)
	}
	runtime.GC()
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > before+32<<20 {
		t.Errorf("the heap grew by %d MiB", (m.HeapAlloc-before)>>20)
	}
	t.Logf("%d requests, %d answers, %d of them to one address, amplified by %.2f, %d datagrams of the call beside them", flood, s.out.Load(), s.toVictim.Load(), float64(s.outBytes.Load())/float64(flood*len(request.Raw)), sent)
}
