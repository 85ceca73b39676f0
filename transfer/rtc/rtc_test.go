package rtc

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v5/vnet"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"github.com/confab/confab/transfer/content"
	"github.com/confab/confab/transfer/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// two are two machines on a virtual network, and the signaling between their lanes.
type two struct {
	router *vnet.Router
	a, b   *Lanes
	tasks  sync.WaitGroup
	to     [2]chan []byte

	mu    sync.Mutex
	apart bool
}

func meet(t *testing.T, delay time.Duration, change func(a, b *Options)) *two {
	t.Helper()
	router, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "10.0.0.0/24", MinDelay: delay, QueueSize: 1 << 16, LoggerFactory: logging.NewDefaultLoggerFactory()})
	if err != nil {
		t.Fatal(err)
	}
	x := &two{router: router, to: [2]chan []byte{make(chan []byte, 1000), make(chan []byte, 1000)}}
	router.AddChunkFilter(func(vnet.Chunk) bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		return !x.apart
	})
	var options [2]Options
	for i, addr := range []string{"10.0.0.1", "10.0.0.2"} {
		net, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{addr}})
		if err != nil {
			t.Fatal(err)
		}
		if err := router.AddNet(net); err != nil {
			t.Fatal(err)
		}
		c, err := NewCertificate()
		if err != nil {
			t.Fatal(err)
		}
		options[i] = Options{Opens: i == 0, Certificate: c, Net: net, Send: func(s Step) {
			data, err := json.Marshal(s)
			if err != nil {
				t.Error(err)
			}
			x.to[1-i] <- data
		}}
	}
	for i := range options {
		if options[1-i].Peer, err = Fingerprint(&options[i].Certificate); err != nil {
			t.Fatal(err)
		}
	}
	if change != nil {
		change(&options[0], &options[1])
	}
	if err := router.Start(); err != nil {
		t.Fatal(err)
	}
	x.a, x.b = New(options[0]), New(options[1])
	for i, lanes := range []*Lanes{x.a, x.b} {
		x.tasks.Go(func() {
			for data := range x.to[i] {
				time.Sleep(delay)
				if s, ok, err := ParseStep(data); !ok || err != nil {
					t.Errorf("%s: %v %v", data, ok, err)
				} else {
					lanes.Handle(s)
				}
			}
		})
	}
	return x
}

func (x *two) part(apart bool) {
	x.mu.Lock()
	x.apart = apart
	x.mu.Unlock()
}

func (x *two) close(t *testing.T) {
	x.a.Close()
	x.b.Close()
	close(x.to[0])
	close(x.to[1])
	x.tasks.Wait()
	if err := x.router.Stop(); err != nil {
		t.Error(err)
	}
}

// oneFile is a source and a sink of one file.
type oneFile struct {
	data []byte
	got  []byte
	done bool
}

func (f *oneFile) ReadAt(_ int, p []byte, off int64) (int, error) { return copy(p, f.data[off:]), nil }
func (f *oneFile) Stream(int) (session.Reader, error)             { return nil, io.EOF }
func (f *oneFile) Leaves(int) ([]content.Hash, error) {
	leaves, _, _ := f.hash()
	return leaves, nil
}

func (f *oneFile) hash() ([]content.Hash, content.Hash, int64) {
	var h content.Hasher
	_, _ = h.Write(f.data)
	return h.Sum()
}

func (f *oneFile) Open(o *session.Offer, _ []int) ([]*content.Bitmap, error) {
	f.got = make([]byte, o.Total)
	return nil, nil
}

func (f *oneFile) WriteBlock(_, block int, data []byte) error {
	copy(f.got[block*content.BlockSize:], data)
	return nil
}
func (f *oneFile) ReadBlock(int, int, []byte) ([]byte, error) { return nil, io.EOF }
func (f *oneFile) Finish(int, int64) error                    { f.done = true; return nil }

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * i >> 7)
	}
	return b
}

func TestAFileTravelsOverConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := meet(t, 10*time.Millisecond, nil)
		defer x.close(t)
		from, to := &oneFile{data: pattern(6<<20 + 5)}, &oneFile{}
		_, root, size := from.hash()
		sender := session.NewSender(session.SendOptions{Entries: []content.Entry{{Path: "a.bin", Size: size, Root: &root}}, Source: from, Name: "a.bin"})
		var path session.Path
		lost := 0
		receiver := session.NewReceiver(session.ReceiveOptions{Dialer: x.b, Sink: to, Events: func(e session.Event) {
			switch e.Kind {
			case session.EventPath:
				path = e.Path
			case session.EventLost:
				lost++
			case session.EventAccepted: // the network goes away for half a minute in the middle
				go func() {
					time.Sleep(100 * time.Millisecond)
					x.part(true)
					time.Sleep(30 * time.Second)
					x.part(false)
				}()
			}
		}})
		sent := make(chan error, 1)
		go func() { sent <- sender.Serve(t.Context(), "b", x.a) }()
		if err := receiver.Run(t.Context()); err != nil {
			t.Errorf("receiver: %v", err)
		}
		if err := <-sent; err != nil {
			t.Errorf("sender: %v", err)
		}
		if sha256.Sum256(from.data) != sha256.Sum256(to.got) || !to.done {
			t.Error("another file has arrived")
		}
		if lost == 0 {
			t.Error("the cut came too late")
		}
		if path.Kind != session.PathLAN {
			t.Errorf("path %+v", path)
		}
	})
}

func TestAnotherFingerprintEndsTheTransfer(t *testing.T) {
	for name, change := range map[string]func(a, b *Options){
		"of who offers":  func(_, b *Options) { b.Peer = b.Peer[:len(b.Peer)-2] + "00" },
		"of who answers": func(a, _ *Options) { a.Peer = a.Peer[:len(a.Peer)-2] + "00" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := meet(t, time.Millisecond, change)
				defer x.close(t)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				errs := make(chan error, 2)
				for _, l := range []*Lanes{x.a, x.b} {
					go func() {
						lane, err := l.Dial(ctx)
						if lane != nil {
							t.Error("there is a lane")
						}
						errs <- err
					}()
				}
				var told *EndError
				betrayed, ended := 0, 0
				for range 2 {
					switch err := <-errs; {
					case errors.Is(err, ErrFingerprint):
						betrayed++
					case errors.As(err, &told) && told.Code == "fingerprint":
						ended++
					default:
						t.Error(err)
					}
				}
				if betrayed != 1 || ended != 1 {
					t.Errorf("%d saw it, %d were told", betrayed, ended)
				}
			})
		})
	}
}

func TestNoLaneToWhoHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := meet(t, time.Millisecond, nil)
		defer x.close(t)
		x.part(true)
		errs := make(chan error, 1)
		go func() {
			_, err := x.a.Dial(t.Context())
			errs <- err
		}()
		time.Sleep(45 * time.Second) // it tries again all the time
		select {
		case err := <-errs:
			t.Fatal(err)
		default:
		}
		x.a.Gone()
		if err := <-errs; err == nil {
			t.Error("there is a lane")
		}
	})
}

func FuzzParseStep(f *testing.F) {
	for _, s := range []string{`{"t":"offer","lane":0,"sdp":"v=0"}`, `{"t":"candidate","lane":1,"candidate":"","mid":"0"}`, `{"t":"end","code":"x"}`, `{"t":"hello"}`, `{"t":"offer","lane":-1,"sdp":"x"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, ok, err := ParseStep(data)
		if err != nil || !ok {
			return
		}
		if s.Lane < 0 || s.Lane > maxLane || len(s.SDP) > maxSDP || s.T == "candidate" && s.Candidate == nil {
			t.Fatalf("%+v", s)
		}
		_ = checkFingerprint(s.SDP, "AA")
	})
}

func TestPaths(t *testing.T) {
	c := func(typ webrtc.ICECandidateType, addr string) *webrtc.ICECandidate {
		return &webrtc.ICECandidate{Typ: typ, Address: addr}
	}
	host, srflx, prflx, relay := webrtc.ICECandidateTypeHost, webrtc.ICECandidateTypeSrflx, webrtc.ICECandidateTypePrflx, webrtc.ICECandidateTypeRelay
	for _, tt := range []struct {
		local, remote *webrtc.ICECandidate
		want          session.PathKind
	}{
		{c(host, "192.168.1.2"), c(host, "192.168.1.3"), session.PathLAN},
		{c(host, "127.0.0.1"), c(host, "127.0.0.1"), session.PathLAN},
		{c(host, "fe80::1"), c(prflx, "fe80::2"), session.PathLAN},
		{c(host, "2001:db8:1:2::1"), c(host, "2001:db8:1:2::9"), session.PathLAN},
		{c(host, "2001:db8:1:2::1"), c(host, "2001:db8:1:3::9"), session.PathDirect},
		{c(host, "192.168.1.2"), c(host, "abc.local"), session.PathLAN},
		{c(host, "192.168.1.2"), c(srflx, "203.0.113.5"), session.PathDirect},
		{c(srflx, "203.0.113.6"), c(srflx, "203.0.113.5"), session.PathDirect},
		{c(relay, "192.168.1.2"), c(host, "192.168.1.3"), session.PathRelayed},
		{c(host, "192.168.1.2"), c(relay, "203.0.113.5"), session.PathRelayed},
	} {
		p := pathOf(tt.local, tt.remote)
		if p.Kind != tt.want || p.Kind == session.PathRelayed && p.Why == "" {
			t.Errorf("%s to %s: %+v, want %s", tt.local.Address, tt.remote.Address, p, tt.want)
		}
	}
}
