package protocol

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestDecodeCommandRefuses(t *testing.T) {
	long := strings.Repeat("x", MaxSDP+1)
	for _, tc := range []struct {
		name, frame string
		code        Code
		id, word    string // of the error: the command's id, and something its message must say
	}{
		{"empty", ``, CodeMalformed, "", "JSON"},
		{"not JSON", `{"type":`, CodeMalformed, "", "JSON"},
		{"not UTF-8", "{\"type\":\"ping\",\"id\":\"\xff\"}", CodeMalformed, "", "UTF-8"},
		{"array", `[]`, CodeMalformed, "", "object"},
		{"string", `"ping"`, CodeMalformed, "", "object"},
		{"null", `null`, CodeMalformed, "", "object"},
		{"trailing brace", `{"type":"ping"}}`, CodeMalformed, "", "JSON"},
		{"two messages", `{"type":"ping"}{"type":"ping"}`, CodeMalformed, "", "JSON"},
		{"no type", `{"id":"7"}`, CodeMalformed, "7", "type"},
		{"type is a number", `{"type":7,"id":"7"}`, CodeMalformed, "7", "type"},
		{"unknown type", `{"type":"promote","id":"7"}`, CodeMalformed, "7", "promote"},
		{"a server's type", `{"type":"joined","id":"7"}`, CodeMalformed, "7", "joined"},
		{"type in another case", `{"Type":"ping","id":"7"}`, CodeMalformed, "7", "type"},
		{"unknown field", `{"type":"ping","id":"7","x":1}`, CodeMalformed, "7", `"x"`},
		{"field in another case", `{"type":"leave","ID":"7"}`, CodeMalformed, "", `"ID"`},
		{"unknown field inside", `{"type":"join","id":"7","room":"r","name":"n","media":{"video":true}}`, CodeMalformed, "7", `"video"`},
		{"type inside", `{"type":"join","id":"7","room":"r","name":"n","media":{"type":"state"}}`, CodeMalformed, "7", `"type"`},
		{"field twice", `{"type":"ping","id":"7","id":"8"}`, CodeMalformed, "7", "twice"},
		{"field twice, escaped", `{"type":"ping","id":"7","\u0069d":"8"}`, CodeMalformed, "7", "twice"},
		{"too deep", `{"type":"view","id":"7","wants":[[[[[[[[1]]]]]]]]}`, CodeMalformed, "7", "deeper"},
		{"too long", `{"type":"ping","id":"` + strings.Repeat("x", MaxFrame) + `"}`, CodeTooLarge, "", "bytes"},
		{"wrong kind", `{"type":"resume","id":"7","session":"s","epoch":"e","seq":"1"}`, CodeMalformed, "7", "seq"},
		{"negative seq", `{"type":"resume","id":"7","session":"s","epoch":"e","seq":-1}`, CodeMalformed, "7", "seq"},
		{"id too long", `{"type":"ping","id":"` + strings.Repeat("x", MaxID+1) + `"}`, CodeMalformed, "", "id"},
		{"id with a space", `{"type":"ping","id":"a b"}`, CodeMalformed, "", "id"},

		{"no room", `{"type":"join","name":"n","media":{}}`, CodeMalformed, "", "room"},
		{"upper case room", `{"type":"join","room":"R","name":"n","media":{}}`, CodeMalformed, "", "room"},
		{"room with a slash", `{"type":"join","room":"../r","name":"n","media":{}}`, CodeMalformed, "", "room"},
		{"long room", `{"type":"join","room":"` + strings.Repeat("r", MaxRoom+1) + `","name":"n","media":{}}`, CodeMalformed, "", "room"},
		{"blank name", `{"type":"join","room":"r","name":" \u00a0","media":{}}`, CodeMalformed, "", "name"},
		{"name of nothing to see", `{"type":"join","room":"r","name":"\u200b \u2060","media":{}}`, CodeMalformed, "", "name"},
		{"name with a bell", `{"type":"join","room":"r","name":"a\u0007","media":{}}`, CodeMalformed, "", "name"},
		{"name that reverses text", `{"type":"join","room":"r","name":"a\u202eb","media":{}}`, CodeMalformed, "", "name"},
		{"long name", `{"type":"join","room":"r","name":"` + strings.Repeat("ü", MaxName+1) + `","media":{}}`, CodeMalformed, "", "name"},
		{"unknown mode", `{"type":"join","room":"r","name":"n","mode":"mcu","media":{}}`, CodeMalformed, "", "mode"},
		{"long token", `{"type":"join","room":"r","name":"n","media":{},"token":"` + strings.Repeat("x", MaxToken+1) + `"}`, CodeMalformed, "", "token"},
		{"join with an empty offer", `{"type":"join","room":"r","name":"n","media":{},"offer":{"revision":1,"sdp":""}}`, CodeMalformed, "", "sdp"},

		{"resume without session", `{"type":"resume","session":"","epoch":"e","seq":1}`, CodeMalformed, "", "session"},
		{"signal to nobody", `{"type":"signal","to":"","generation":1,"candidate":{"candidate":"","sdpMLineIndex":0}}`, CodeMalformed, "", "to"},
		{"signal without content", `{"type":"signal","to":"a","generation":1}`, CodeMalformed, "", "exactly one"},
		{"signal with both", `{"type":"signal","to":"a","generation":1,"candidate":{"candidate":"","sdpMLineIndex":0},"description":{"type":"offer","sdp":"v=0"}}`, CodeMalformed, "", "exactly one"},
		{"description of no type", `{"type":"signal","to":"a","generation":1,"description":{"type":"pranswer","sdp":"v=0"}}`, CodeMalformed, "", "type"},
		{"description without SDP", `{"type":"signal","to":"a","generation":1,"description":{"type":"offer","sdp":""}}`, CodeMalformed, "", "sdp"},
		{"long description", `{"type":"signal","to":"a","generation":1,"description":{"type":"offer","sdp":"` + long + `"}}`, CodeMalformed, "", "sdp"},
		{"candidate of two lines", `{"type":"signal","to":"a","generation":1,"candidate":{"candidate":"a\r\nb","sdpMLineIndex":0}}`, CodeMalformed, "", "candidate"},
		{"candidate of m-line -1", `{"type":"signal","to":"a","generation":1,"candidate":{"candidate":"","sdpMLineIndex":-1}}`, CodeMalformed, "", "sdpMLineIndex"},
		{"generation too large", `{"type":"route-ready","generation":4294967296}`, CodeMalformed, "", "generation"},

		{"offer without SDP", `{"type":"sfu-offer","revision":1,"sdp":""}`, CodeMalformed, "", "sdp"},
		{"unknown source", `{"type":"sfu-offer","revision":1,"sdp":"v=0","tracks":{"0":"webcam"}}`, CodeMalformed, "", "source"},
		{"source twice", `{"type":"sfu-offer","revision":1,"sdp":"v=0","tracks":{"0":"camera","1":"camera"}}`, CodeMalformed, "", "twice"},
		{"mid twice", `{"type":"sfu-offer","revision":1,"sdp":"v=0","tracks":{"0":"camera"},"audio":["0"]}`, CodeMalformed, "", "twice"},
		{"empty mid", `{"type":"sfu-offer","revision":1,"sdp":"v=0","pairs":[{"audio":"","video":"1"}]}`, CodeMalformed, "", "mid"},
		{"too many pairs", `{"type":"sfu-offer","revision":1,"sdp":"v=0","pairs":[` + strings.Repeat(`{"audio":"1","video":"2"},`, MaxPairs) + `{}]}`, CodeMalformed, "", "pairs"},
		{"want of nobody", `{"type":"view","wants":[{"participant":"","source":"camera","width":1,"height":1,"priority":1,"visible":true}]}`, CodeMalformed, "", "participant"},
		{"want of a microphone", `{"type":"view","wants":[{"participant":"a","source":"microphone","width":1,"height":1,"priority":1,"visible":true}]}`, CodeMalformed, "", "source"},
		{"want of negative size", `{"type":"view","wants":[{"participant":"a","source":"camera","width":-1,"height":1,"priority":1,"visible":true}]}`, CodeMalformed, "", "width"},
		{"want of priority 101", `{"type":"view","wants":[{"participant":"a","source":"camera","width":1,"height":1,"priority":101,"visible":true}]}`, CodeMalformed, "", "priority"},
		{"chat without id", `{"type":"chat","text":"x"}`, CodeMalformed, "", "id"},
		{"blank chat", `{"type":"chat","id":"1","text":" \n"}`, CodeMalformed, "1", "blank"},
		{"long chat", `{"type":"chat","id":"1","text":"` + strings.Repeat("é", MaxChat+1) + `"}`, CodeMalformed, "1", "text"},
		{"long reason", `{"type":"route-failed","generation":1,"reason":"` + strings.Repeat("x", MaxReason+1) + `"}`, CodeMalformed, "", "reason"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := DecodeCommand([]byte(tc.frame))
			var wire *Error
			if !errors.As(err, &wire) {
				t.Fatalf("got %+v, %v; want a wire error", c, err)
			}
			if c != nil || wire.Code != tc.code || wire.ID != tc.id || !strings.Contains(wire.Message, tc.word) || wire.Retry {
				t.Errorf("got %+v, %+v; want code %s, id %q and %q", c, wire, tc.code, tc.id, tc.word)
			}
			if len(wire.Message) > 300 {
				t.Errorf("the message repeats %d bytes", len(wire.Message))
			}
		})
	}
}

func TestDecodeCommandAccepts(t *testing.T) {
	for _, tc := range []struct {
		frame string
		want  Command
	}{
		{` { "id" : "1" , "type" : "ping" } `, &Ping{ID: "1"}},
		{`{"type":"view","wants":[]}`, &View{Wants: []Want{}}},
		{`{"type":"chat","id":"1","text":"a } ] \" \\ ,","to":null}`, &Chat{ID: "1", Text: `a } ] " \ ,`}},
		// What RTCIceCandidate.toJSON gives at the end of candidates in Firefox.
		{
			`{"type":"signal","to":"a","generation":1,"candidate":{"candidate":"","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":null}}`,
			&Signal{To: "a", Generation: 1, Candidate: &Candidate{SDPMid: "0"}},
		},
	} {
		got, err := DecodeCommand([]byte(tc.frame))
		if err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: got %+v, %v", tc.frame, got, err)
		}
	}
}

func TestDecodeMessageLetsServersGrow(t *testing.T) {
	m, err := DecodeMessage([]byte(`{"type":"pong","id":"1","mood":{"good":true}}`))
	if err != nil || !reflect.DeepEqual(m, &Pong{ID: "1"}) {
		t.Errorf("unknown field: got %+v, %v", m, err)
	}
	for _, tc := range []struct {
		frame string
		want  error
	}{
		{`{"type":"reaction"}`, ErrUnknownType},
		{`{"type":"join"}`, ErrUnknownType},
		{`{"type":"pong"`, nil},
		{`[]`, nil},
		{`{"type":"pong","id":7}`, nil},
	} {
		m, err := DecodeMessage([]byte(tc.frame))
		if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
			t.Errorf("%s: got %+v, %v", tc.frame, m, err)
		}
	}
}

func seed(f *testing.F, class ...Class) {
	for _, typ := range Types() {
		for _, c := range class {
			if typ.Class != c {
				continue
			}
			golden, err := os.ReadFile(goldenPath(typ))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(golden)
		}
	}
}

func FuzzDecodeCommand(f *testing.F) {
	seed(f, ClassCommand)
	f.Add([]byte(`{"type":"view","wants":[[[[[[[[[[]]]]]]]]]]}`))
	f.Add([]byte(`{"a":{"b":"\"}"},"type":"ping"}`))
	f.Fuzz(func(t *testing.T, frame []byte) {
		c, err := DecodeCommand(frame)
		if err != nil {
			var wire *Error
			if c != nil || !errors.As(err, &wire) || wire.Code == "" || wire.Message == "" {
				t.Fatalf("got %+v, %v", c, err)
			}
			if _, err := EncodeMessage(wire); err != nil {
				t.Fatal(err)
			}
			return
		}
		again, err := EncodeCommand(c)
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeCommand(again)
		if err != nil {
			t.Fatalf("%s was accepted, its encoding %s is not: %v", frame, again, err)
		}
		if a, b := canonical(t, c), canonical(t, back); a != b {
			t.Fatalf("%s became %s", a, b)
		}
	})
}

func FuzzDecodeMessage(f *testing.F) {
	seed(f, ClassReply, ClassEvent, ClassNotice)
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, err := DecodeMessage(frame)
		if err != nil {
			return
		}
		if _, err := EncodeMessage(m); err != nil {
			t.Fatal(err)
		}
	})
}

func canonical(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(full(v))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
