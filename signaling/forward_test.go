package signaling

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/store/memory"
)

// A publisher and a viewer may ask any node: the one with the room's SFU answers, and every node knows where the connection is.
func TestIngressAtAnotherNode(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		shared := memory.New()
		defer shared.Close()
		one, kill := l.another(Options{Media: &fakeMedia{}, Secrets: labSecrets}, shared.Join())
		two, _ := l.another(Options{Media: &fakeMedia{}, Secrets: labSecrets}, shared.Join())
		a := one.dial()
		a.send(&protocol.Join{ID: "join", Room: "r", Name: "Ann", Mode: protocol.ModeSFU, Token: l.token(auth.Participant("r", "Ann"), time.Hour)})
		expect[*protocol.Joined](a)
		synctest.Wait()
		bearer := "Bearer " + l.token(auth.Participant("r", "Cam"), time.Hour)
		if res, body := two.http("POST", "/whip/r", fakeOffer("1"), "Content-Type", typeSDP); res.StatusCode != 401 {
			l.Errorf("without a token: %d %s", res.StatusCode, body)
		}
		for _, path := range []string{"/whip/r", "/whep/r"} {
			res, body := two.http("POST", path, fakeOffer("1"), "Content-Type", typeSDP, "Authorization", bearer, "Origin", "https://page.test")
			location, etag := res.Header.Get("Location"), res.Header.Get("ETag")
			if res.StatusCode != 201 || body != fakeAnswer("1", 1) || !strings.HasPrefix(location, path+"/"+one.srv.node) || etag == "" || res.Header.Get("Access-Control-Allow-Origin") != "*" {
				l.Fatalf("%s: %d %v %s", path, res.StatusCode, res.Header, body)
			}
			for _, n := range []*lab{two, one} {
				res, body = n.http("PATCH", location, fragment("client", "a=candidate:1 1 udp 1 192.0.2.9 9 typ host"), "Content-Type", typeFragment, "If-Match", etag, "Authorization", bearer)
				if res.StatusCode != 204 {
					l.Errorf("PATCH: %d %s", res.StatusCode, body)
				}
			}
			if res, _ := two.http("DELETE", location, ""); res.StatusCode != 401 {
				l.Errorf("DELETE without a token: %d", res.StatusCode)
			}
			if res, body := two.http("DELETE", location, "", "Authorization", bearer); res.StatusCode != 200 {
				l.Errorf("DELETE: %d %s", res.StatusCode, body)
			}
			if res, _ := two.http("DELETE", location, "", "Authorization", bearer); res.StatusCode != 404 {
				l.Errorf("a second DELETE: %d", res.StatusCode)
			}
		}
		synctest.Wait()
		equal(t, "connections at the first", one.media.open(), 0)
		equal(t, "connections at the second", two.media.open(), 0)
		equal(t, "joined", await[*protocol.ParticipantJoined](a).Participant.Kind, protocol.KindIngest)
		equal(t, "left", await[*protocol.ParticipantLeft](a).Reason, "left")

		// The node of the SFU is gone, and nobody has noticed: the request says so in time, and the next one is answered here.
		kill()
		res, body := two.http("POST", "/whip/r", fakeOffer("1"), "Content-Type", typeSDP, "Authorization", bearer)
		if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || !strings.Contains(body, string(protocol.CodeUnavailable)) {
			l.Errorf("with a dead node: %d %s", res.StatusCode, body)
		}
		res, body = two.http("POST", "/whip/r", fakeOffer("1"), "Content-Type", typeSDP, "Authorization", bearer)
		if res.StatusCode != 201 || !strings.HasPrefix(res.Header.Get("Location"), "/whip/r/"+two.srv.node) {
			l.Errorf("when it is known to be dead: %d %s", res.StatusCode, body)
		}
	})
}
