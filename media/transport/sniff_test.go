package transport

import (
	"testing"

	"github.com/pion/stun/v4"
)

func stunMessage(t testing.TB, setters ...stun.Setter) []byte {
	t.Helper()
	m, err := stun.Build(setters...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

func TestClassify(t *testing.T) {
	allocate := stun.NewType(stun.MethodAllocate, stun.ClassRequest)
	for _, tc := range []struct {
		name string
		b    []byte
		want kind
	}{
		{"empty", nil, kindUnknown},
		{"one byte", []byte{128}, kindUnknown},
		{"Binding request", stunMessage(t, stun.TransactionID, stun.BindingRequest), kindSTUNRequest},
		{"Binding success", stunMessage(t, stun.TransactionID, stun.BindingSuccess), kindSTUNResponse},
		{"Binding error", stunMessage(t, stun.TransactionID, stun.BindingError), kindSTUNResponse},
		{"Binding indication", stunMessage(t, stun.TransactionID, stun.NewType(stun.MethodBinding, stun.ClassIndication)), kindSTUNIndication},
		{"Allocate", stunMessage(t, stun.TransactionID, allocate), kindTURN},
		{"Refresh", stunMessage(t, stun.TransactionID, stun.NewType(stun.MethodRefresh, stun.ClassRequest)), kindTURN},
		{"Send", stunMessage(t, stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication)), kindTURN},
		{"CreatePermission", stunMessage(t, stun.TransactionID, stun.NewType(stun.MethodCreatePermission, stun.ClassRequest)), kindTURN},
		{"ChannelBind", stunMessage(t, stun.TransactionID, stun.NewType(stun.MethodChannelBind, stun.ClassRequest)), kindTURN},
		{"STUN without the cookie", make([]byte, 20), kindUnknown},
		{"STUN cut short", stunMessage(t, stun.TransactionID, allocate, stun.NewUsername("u"))[:22], kindUnknown},
		{"ZRTP", make16(16), kindUnknown},
		{"DTLS", make16(22), kindDTLS},
		{"DTLS, last", make16(63), kindDTLS},
		{"ChannelData", make16(64), kindChannel},
		{"ChannelData, last", make16(79), kindChannel},
		{"QUIC", make16(80), kindUnknown},
		{"RTP", []byte{0x80, 96, 0, 0}, kindRTP},
		{"RTP with marker", []byte{0x80, 0x80 | 96, 0, 0}, kindRTP},
		{"RTCP SR", []byte{0x80, 200, 0, 0}, kindRTCP},
		{"RTCP PLI", []byte{0x81, 206, 0, 0}, kindRTCP},
		{"QUIC long header", make16(192), kindUnknown},
	} {
		if got := classify(tc.b); got != tc.want {
			t.Errorf("%s: kind %d, want %d", tc.name, got, tc.want)
		}
	}
}

func make16(first byte) []byte { return append([]byte{first}, make([]byte, 15)...) }

func TestUsername(t *testing.T) {
	for _, tc := range []struct {
		name     string
		b        []byte
		username string
		ufrag    string
	}{
		{"none", stunMessage(t, stun.TransactionID, stun.BindingRequest), "", ""},
		{"ICE", stunMessage(t, stun.TransactionID, stun.BindingRequest, stun.NewSoftware("abc"), stun.NewUsername("here:there")), "here:there", "here"},
		{"no colon", stunMessage(t, stun.TransactionID, stun.BindingRequest, stun.NewUsername("here")), "here", ""},
		{"empty parts", stunMessage(t, stun.TransactionID, stun.BindingRequest, stun.NewUsername(":")), ":", ""},
	} {
		u := stunUsername(tc.b)
		if string(u) != tc.username || string(localUfrag(u)) != tc.ufrag {
			t.Errorf("%s: %q, %q; want %q, %q", tc.name, u, localUfrag(u), tc.username, tc.ufrag)
		}
	}
}

// Against pion's parser: what it finds in a message that both accept, we find.
func FuzzSniff(f *testing.F) {
	f.Add(stunMessage(f, stun.TransactionID, stun.BindingRequest, stun.NewSoftware("abc"), stun.NewUsername("here:there")))
	f.Add([]byte{0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 6, 0, 1})
	f.Add([]byte{0x80, 96})
	f.Fuzz(func(t *testing.T, b []byte) {
		k := classify(b)
		if k < kindSTUNRequest || k > kindTURN {
			return
		}
		got := localUfrag(stunUsername(b))
		m := &stun.Message{Raw: b}
		var want stun.Username
		if m.Decode() != nil || want.GetFrom(m) != nil {
			return
		}
		if w := localUfrag(want); string(got) != string(w) {
			t.Errorf("ufrag %q, pion finds %q", got, w)
		}
	})
}

func TestClassifyDoesNotAllocate(t *testing.T) {
	b := stunMessage(t, stun.TransactionID, stun.BindingRequest, stun.NewUsername("here:there"))
	if n := testing.AllocsPerRun(100, func() { classify(b); localUfrag(stunUsername(b)) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
