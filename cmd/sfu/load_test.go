package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

func TestLoadSignalingDrivesAServer(t *testing.T) {
	s := start(t, "--trusted-proxy=127.0.0.1")
	code, out, faults := runOnce(nil, "load", "signaling", "--url", s.url, "--rooms=2", "--people=40", "--rate=2", "--for=3s", "--addresses")
	if code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, out, faults)
	}
	t.Log("\n" + out)
	if !strings.Contains(out, "80 of 80 joined") || !strings.Contains(out, "0 lost, 0 doubled") || !strings.Contains(out, "errors     none") {
		t.Errorf("got\n%s", out)
	}
	n := regexp.MustCompile(`(\d+) sent, (\d+) acknowledged, (\d+) delivered`).FindStringSubmatch(out)
	if n == nil {
		t.Fatalf("no figures in\n%s", out)
	}
	sent, _ := strconv.Atoi(n[1])
	acked, _ := strconv.Atoi(n[2])
	delivered, _ := strconv.Atoi(n[3])
	if sent == 0 || acked != sent || delivered == 0 || delivered > sent*39 {
		t.Errorf("%d sent, %d acknowledged, %d delivered", sent, acked, delivered)
	}
}

func TestLoadSignalingFails(t *testing.T) {
	for _, tc := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--url=ftp://x"}, 2, "must start with http"},
		{[]string{"--rooms=0"}, 2, "at least 1"},
		{[]string{"--url=http://127.0.0.1:1", "--for=100ms", "--rooms=1", "--people=1"}, 1, "nobody could join"},
	} {
		code, out, faults := runOnce(nil, append([]string{"load", "signaling"}, tc.args...)...)
		if code != tc.code || !strings.Contains(faults, tc.want) {
			t.Errorf("%v: %d\n%s%s", tc.args, code, out, faults)
		}
	}
}

// What is lost or doubled is seen: the check itself can fail.
func TestLoadSeesHolesAndDoubles(t *testing.T) {
	r := newLoadRun(loadOptions{Rooms: 1, People: 1})
	v := &visitor{r: r, joined: make(chan struct{}), read: make(chan struct{})}
	v.hear(&protocol.Joined{Seq: 4}, time.Now())
	for _, seq := range []uint64{5, 7, 7, 8} {
		v.hear(&protocol.ChatMessage{Seq: seq, Text: "load 0"}, time.Now())
	}
	v.hear(&protocol.Ack{Seq: 10}, time.Now())
	close(v.read)
	v.settle()
	var out strings.Builder
	if err := r.report(&out); r.lost != 3 || r.doubled != 1 || err == nil {
		t.Errorf("%d lost, %d doubled, %v; want 3 and 1\n%s", r.lost, r.doubled, err, out.String())
	}
}

// The frames of the Artillery script are what the protocol says, once Artillery has filled them in.
func TestArtilleryFramesDecode(t *testing.T) {
	script, err := os.ReadFile("../../scripts/load/artillery.yml")
	if err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("{{ room }}", "load-1", "{{ $randomNumber(1, 100000) }}", "7", "{{ $loopCount }}", "3")
	types := map[string]int{}
	for _, line := range regexp.MustCompile(`send: '(.*)'`).FindAllStringSubmatch(string(script), -1) {
		command, err := protocol.DecodeCommand([]byte(fill.Replace(line[1])))
		if err != nil {
			t.Errorf("%s: %v", line[1], err)
			continue
		}
		switch command.(type) {
		case *protocol.Join:
			types["join"]++
		case *protocol.Chat:
			types["chat"]++
		case *protocol.Leave:
			types["leave"]++
		}
	}
	if types["join"] == 0 || types["chat"] == 0 || types["leave"] == 0 || !strings.Contains(string(script), protocol.Subprotocol) {
		t.Errorf("the script sends %v", types)
	}
}
