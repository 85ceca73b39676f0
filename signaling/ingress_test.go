package signaling

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/sdpfrag"
)

func fragment(ufrag string, lines ...string) string {
	return "a=ice-ufrag:" + ufrag + "\r\na=ice-pwd:secret\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n" + strings.Join(append(lines, ""), "\r\n")
}

func TestIngressRefusals(t *testing.T) {
	inLab(t, Options{Media: &fakeMedia{}, Limits: Limits{People: 2}, Origins: []string{"https://friend.test"}}, func(l *lab) {
		mesh := l.dial()
		mesh.send(&protocol.Join{Room: "mesh", Name: "Ann", Mode: protocol.ModeP2P})
		expect[*protocol.Joined](mesh)
		l.join("full", "Ann")
		l.join("full", "Bob")
		for _, tc := range []struct {
			name, method, path, kind, body string
			status                         int
		}{
			{"GET", "GET", "/whip/r", "", "", 405},
			{"PUT", "PUT", "/whep/r", typeSDP, "v=0", 405},
			{"PATCH without resource", "PATCH", "/whip/r", typeFragment, fragment("u"), 405},
			{"POST to a resource", "POST", "/whip/r/x", typeSDP, "v=0", 405},
			{"unknown resource", "DELETE", "/whip/r/x", "", "", 404},
			{"unknown resource, PATCH", "PATCH", "/whep/r/x", typeFragment, fragment("u"), 404},
			{"bad room", "POST", "/whip/R", typeSDP, "v=0", 400},
			{"no content type", "POST", "/whip/r", "", "v=0", 415},
			{"wrong content type", "POST", "/whip/r", "application/json", "v=0", 415},
			{"empty body", "POST", "/whip/r", typeSDP, "", 400},
			{"large body", "POST", "/whip/r", typeSDP, "v=0" + strings.Repeat("x", protocol.MaxSDP), 413},
			{"nonsense", "POST", "/whip/r", typeSDP, "nonsense", 400},
			{"nonsense to WHEP", "POST", "/whep/r", typeSDP, "nonsense", 400},
			{"a mesh", "POST", "/whip/mesh", typeSDP, fakeOffer("1"), 409},
			{"a mesh, WHEP", "POST", "/whep/mesh", typeSDP, fakeOffer("1"), 409},
			{"a full room", "POST", "/whip/full", typeSDP, fakeOffer("1"), 503},
		} {
			res, body := l.http(tc.method, tc.path, tc.body, "Content-Type", tc.kind)
			if res.StatusCode != tc.status || !strings.Contains(body, `"code":`) || res.Header.Get("Access-Control-Allow-Origin") != "*" {
				l.Errorf("%s: %d %s", tc.name, res.StatusCode, body)
			}
		}
		if res, _ := l.http("POST", "/whep/r", fakeOffer("1"), "Content-Type", typeSDP, "Origin", "https://evil.test"); res.StatusCode != 403 || res.Header.Get("Access-Control-Allow-Origin") != "" {
			l.Errorf("foreign page: %d", res.StatusCode)
		}
		synctest.Wait()
		equal(t, "rooms", l.count("signaling_rooms"), 2.0)
		equal(t, "connections", l.media.open(), 0)
	})
}

// post makes a resource and returns its path and ETag.
func (l *lab) post(path, session string) (location, etag string) {
	l.Helper()
	res, body := l.http("POST", path, fakeOffer(session), "Content-Type", typeSDP, "Origin", "http://confab.test")
	location, etag = res.Header.Get("Location"), res.Header.Get("ETag")
	room, _, _ := strings.Cut(path, "?")
	if res.StatusCode != http.StatusCreated || body != fakeAnswer(session, 1) || res.Header.Get("Content-Type") != typeSDP ||
		!strings.HasPrefix(location, room+"/") || len(location) < len(room)+20 || !strings.HasPrefix(etag, `"`) || res.Header.Get("Accept-Patch") != typeFragment {
		l.Fatalf("%s: %d %v %s", path, res.StatusCode, res.Header, body)
	}
	if link := res.Header.Get("Link"); !strings.HasPrefix(link, `<turn:turn.test:3478?transport=tcp>; rel="ice-server"; username="`) || !strings.HasSuffix(link, `"; credential="c"; credential-type="password"`) {
		l.Errorf("Link: %s", link)
	}
	return location, etag
}

func TestIngressOptions(t *testing.T) {
	inLab(t, Options{Media: &fakeMedia{}}, func(l *lab) {
		for path, want := range map[string]string{"/whip/r": "OPTIONS, POST", "/whep/r/x": "OPTIONS, PATCH, DELETE"} {
			res, _ := l.http("OPTIONS", path, "", "Origin", "http://confab.test", "Access-Control-Request-Method", "POST")
			h := res.Header
			if res.StatusCode != 204 || h.Get("Access-Control-Allow-Methods") != want || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization") ||
				!strings.Contains(h.Get("Access-Control-Expose-Headers"), "Location") {
				l.Errorf("%s: %d %v", path, res.StatusCode, h)
			}
		}
	})
}

func TestAPublisherIsAParticipant(t *testing.T) {
	inLab(t, Options{Media: &fakeMedia{}}, func(l *lab) {
		a := l.join("r", "Ann")
		location, _ := l.post("/whip/r?name=Camera+7", "5")
		p := expect[*protocol.ParticipantJoined](a).Participant
		if p.Name != "Camera 7" || p.Kind != protocol.KindIngest || p.Media != (protocol.State{}) {
			l.Errorf("participant = %+v", p)
		}
		equal(t, "route", expect[*protocol.Route](a).Route.Transport, protocol.TransportSFU)
		peer := l.media.of(p.ID)
		if offer := peer.seen().offers[0]; !offer.Derive || !peer.Publish || peer.Subscribe || peer.AutoView {
			l.Errorf("the SFU was told %+v and %+v", peer.MediaPeerOptions, offer)
		}
		peer.Events.Connection(Connected)
		peer.Events.Tracks([]protocol.Source{protocol.Camera, protocol.Microphone})
		equal(t, "media", expect[*protocol.ParticipantUpdated](a).Participant.Media, protocol.State{Microphone: true, Camera: true})
		a.send(&protocol.Signal{ID: "1", To: p.ID, Candidate: &protocol.Candidate{}})
		a.refused(protocol.CodeNoSuchPeer, "1")

		time.Sleep(time.Hour)
		if res, _ := l.http("DELETE", strings.Replace(location, "whip", "whep", 1), ""); res.StatusCode != 404 {
			l.Errorf("as WHEP: %d", res.StatusCode)
		}
		if res, _ := l.http("DELETE", location, ""); res.StatusCode != 200 {
			l.Errorf("DELETE: %d", res.StatusCode)
		}
		if left := await[*protocol.ParticipantLeft](a); left.ID != p.ID || left.Reason != "left" {
			l.Errorf("left = %+v", left)
		}
		if res, _ := l.http("DELETE", location, ""); res.StatusCode != 404 {
			l.Errorf("DELETE again: %d", res.StatusCode)
		}
		synctest.Wait()
		equal(t, "connections", l.media.open(), 0)
		equal(t, "resources", l.count("signaling_http_resources"), 0.0)
	})
}

func TestAPublisherEndsWithItsConnection(t *testing.T) {
	for _, state := range []ConnectionState{Failed, Closed, ""} {
		inLab(t, Options{Media: &fakeMedia{}}, func(l *lab) {
			a := l.join("r", "Ann")
			location, etag := l.post("/whip/r", "5")
			p := expect[*protocol.ParticipantJoined](a).Participant
			equal(t, "name", p.Name, "Live")
			if state == "" { // it never comes up
				started := time.Now()
				if left := await[*protocol.ParticipantLeft](a); left.Reason != "lost" || time.Since(started) != 30*time.Second {
					l.Errorf("left = %+v after %v", left, time.Since(started))
				}
			} else {
				peer := l.media.of(p.ID)
				peer.Events.Connection(Connected)
				time.Sleep(time.Minute)
				peer.Events.Connection(state)
				if left := await[*protocol.ParticipantLeft](a); left.Reason != "lost" {
					l.Errorf("left = %+v", left)
				}
			}
			if res, _ := l.http("PATCH", location, fragment("client"), "Content-Type", typeFragment, "If-Match", etag); res.StatusCode != 404 {
				l.Errorf("PATCH: %d", res.StatusCode)
			}
		})
	}
}

func TestAViewerIsInvisibleAndNeedsTheSFU(t *testing.T) {
	var gone []string
	inLab(t, Options{Media: &fakeMedia{}, ViewerGone: func(id string) { gone = append(gone, id) }}, func(l *lab) {
		a, b := l.join("r", "Ann"), l.join("r", "Bob")
		expect[*protocol.ParticipantJoined](a)
		location, _ := l.post("/whep/r", "5")
		for _, c := range []*client{a, b} {
			equal(t, "route", expect[*protocol.Route](c).Route.Transport, protocol.TransportSFU)
		}
		l.media.mu.Lock()
		peer := l.media.peers[0]
		l.media.mu.Unlock()
		if offer := peer.seen().offers[0]; !offer.Derive || peer.Publish || peer.Data || !peer.Subscribe || !peer.AutoView {
			l.Errorf("the SFU was told %+v and %+v", peer.MediaPeerOptions, offer)
		}
		equal(t, "people", len(l.join("r", "Cid").joined.Participants), 3)
		l.http("DELETE", location, "")
		synctest.Wait()
		equal(t, "connections", l.media.open(), 0)
		equal(t, "viewers that are gone", strings.Join(gone, " "), peer.Participant)

		// A room of viewers alone lives as long as they do.
		location, _ = l.post("/whep/empty", "6")
		synctest.Wait()
		equal(t, "rooms", l.count("signaling_rooms"), 2.0)
		l.http("DELETE", location, "")
		synctest.Wait()
		equal(t, "rooms", l.count("signaling_rooms"), 1.0)
	})
}

func TestTrickleAndRestart(t *testing.T) {
	inLab(t, Options{Media: &fakeMedia{}}, func(l *lab) {
		location, etag := l.post("/whip/r", "5")
		peer := l.media.peers[0]
		patch := func(match, kind, body string) *http.Response {
			t.Helper()
			res, _ := l.http("PATCH", location, body, "Content-Type", kind, "If-Match", match)
			return res
		}
		const candidate = "a=candidate:1 1 udp 1 192.0.2.7 9 typ host"
		for _, tc := range []struct {
			name, match, kind, body string
			status                  int
		}{
			{"no If-Match", "", typeFragment, fragment("client", candidate), 428},
			{"another ETag", `"x"`, typeFragment, fragment("client", candidate), 412},
			{"wrong type", etag, typeSDP, fragment("client", candidate), 415},
			{"nonsense", etag, typeFragment, "nonsense", 400},
			{"of another ICE session", etag, typeFragment, fragment("new", candidate), 412},
			{"candidate of nonsense", etag, typeFragment, fragment("client", "a=candidate:nonsense"), 400},
			{"long candidate", etag, typeFragment, fragment("client", "a=candidate:"+strings.Repeat("x", 1100)), 400},
			{"candidates", etag, typeFragment, fragment("client", candidate, "a=end-of-candidates"), 204},
		} {
			if res := patch(tc.match, tc.kind, tc.body); res.StatusCode != tc.status {
				l.Errorf("%s: %d, want %d", tc.name, res.StatusCode, tc.status)
			}
		}
		equal(t, "candidates", peer.seen().candidates, []string{"0/0/" + strings.TrimPrefix(candidate, "a="), "0/0/"})

		res, body := l.http("PATCH", location, fragment("new", candidate), "Content-Type", typeFragment, "If-Match", "*")
		renewed := res.Header.Get("ETag")
		f, err := sdpfrag.Parse(body)
		if res.StatusCode != 200 || renewed == etag || renewed == "" || res.Header.Get("Content-Type") != typeFragment || err != nil || f.Ufrag != "server2" || len(f.Media[0].Candidates) != 1 {
			l.Errorf("restart: %d %v %s (%v)", res.StatusCode, res.Header, body, err)
		}
		offer := peer.seen().offers[1].SDP
		if !strings.Contains(offer, "a=ice-ufrag:new\r\n") || !strings.Contains(offer, candidate) || sdpSession(offer) != "5" {
			l.Errorf("the restart was offered as %s", offer)
		}
		if res := patch(etag, typeFragment, fragment("client", candidate)); res.StatusCode != 412 {
			l.Errorf("the old ICE session: %d", res.StatusCode)
		}
		if res := patch(renewed, typeFragment, fragment("new", candidate)); res.StatusCode != 204 {
			l.Errorf("the new ICE session: %d", res.StatusCode)
		}
		if res := patch("*", typeFragment, fragment("newer", candidate)); res.StatusCode != 200 {
			l.Errorf("another restart: %d", res.StatusCode)
		}
	})
}
