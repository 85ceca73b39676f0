package signaling

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/store/memory"
)

// fakeRecorder notes what it is asked to record.
type fakeRecorder struct {
	mu    sync.Mutex // guards the fields below
	fail  error
	tapes []*fakeTape
}

type fakeTape struct {
	MediaRecordOptions
	mu      sync.Mutex // guards the fields below
	names   []string
	stopped bool
}

func (r *fakeRecorder) Record(o MediaRecordOptions) (MediaRecording, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return nil, r.fail
	}
	t := &fakeTape{MediaRecordOptions: o}
	r.tapes = append(r.tapes, t)
	return t, nil
}

func (r *fakeRecorder) set(fail error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = fail
}

func (r *fakeRecorder) last() (n int, t *fakeTape) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.tapes) == 0 {
		return 0, nil
	}
	return len(r.tapes), r.tapes[len(r.tapes)-1]
}

func (t *fakeTape) Named(_, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.names = append(t.names, name)
}

func (t *fakeTape) Stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
}

func (t *fakeTape) state() (names []string, stopped bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.names), t.stopped
}

// A recording begins with the first connection of the SFU, goes on through the end of all, and tells why it ends by itself.
func TestRecording(t *testing.T) {
	media, recorder := &fakeMedia{}, &fakeRecorder{}
	inLab(t, Options{Media: media, Recorder: recorder}, func(l *lab) {
		a := l.join("r", "Ann") // host: the first of an open server
		b := l.join("r", "Bob")
		b.send(&protocol.SetRecording{ID: "x", On: true})
		equal(t, "a member's refusal", await[*protocol.Error](b).Code, protocol.CodeForbidden)
		a.send(&protocol.SetRecording{ID: "1", On: true})
		on := await[*protocol.Recording](b)
		if !on.On || on.By != a.joined.Self || on.Since == 0 {
			l.Errorf("told %+v", on)
		}
		equal(t, "the reason", await[*protocol.Route](b).Reason, protocol.ReasonRecorded)
		synctest.Wait()
		if n, _ := recorder.last(); n != 0 {
			t.Fatal("it records a room that nobody is connected to")
		}
		recorder.set(ErrNothingToRecord)
		connect := func(c *client, session string) {
			c.send(&protocol.SFUOffer{ID: "o" + session, Revision: 1, SDP: fakeOffer(session)})
			await[*protocol.SFUAnswer](c)
			media.of(c.joined.Self).Events.Connection(Connected)
			synctest.Wait()
		}
		connect(a, "1")
		recorder.set(nil)
		connect(b, "2")
		n, tape := recorder.last()
		if n != 1 || tape.Title != "r" || tape.Room != media.of(a.joined.Self).Room {
			t.Fatalf("%d recordings, %+v", n, tape)
		}
		c := l.join("r", "Cem")
		if c.joined.Recording == nil || c.joined.Recording.By != a.joined.Self {
			t.Errorf("who comes later is told %+v", c.joined.Recording)
		}
		if names, _ := tape.state(); !slices.Equal(names, []string{"Ann", "Bob", "Cem"}) {
			t.Errorf("names %v", names)
		}

		tape.Ended(errors.New("no space left at /secret/path"))
		if off := await[*protocol.Recording](c); off.On || off.Reason != recordingFailed {
			t.Errorf("told %+v", off)
		}
		a.send(&protocol.SetRecording{ID: "2", On: true})
		if !await[*protocol.Recording](c).On {
			t.Error("it does not begin again")
		}
		synctest.Wait()
		n, tape = recorder.last()
		if n != 2 {
			t.Fatalf("%d recordings", n)
		}
		tape.Ended(nil) // the SFU's last connection was lost, and another is there already: it goes on in a new folder
		synctest.Wait()
		n, tape = recorder.last()
		if n != 3 {
			t.Errorf("%d recordings, want a third", n)
		}
		a.send(&protocol.SetRecording{ID: "3"})
		if await[*protocol.Recording](c).On {
			t.Error("it goes on")
		}
		synctest.Wait()
		if _, stopped := tape.state(); !stopped {
			t.Error("the recording was not stopped")
		}
		recorder.set(errors.New("permission denied"))
		a.send(&protocol.SetRecording{ID: "4", On: true})
		if !await[*protocol.Recording](c).On {
			t.Error("it does not begin")
		}
		if off := await[*protocol.Recording](c); off.On || off.Reason == "" {
			t.Errorf("a folder that cannot be written: told %+v", off)
		}
		recorder.set(nil)
		a.send(&protocol.SetRecording{ID: "5", On: true})
		await[*protocol.Recording](c)
		synctest.Wait()
		_, tape = recorder.last()
		a.send(&protocol.EndRoom{ID: "6"})
		await[*protocol.RoomEnded](c)
		synctest.Wait()
		if _, stopped := tape.state(); !stopped {
			t.Error("the end for all did not end the recording")
		}
	})
}

// A node that dies takes its recording with it, and the one that goes on with the room goes on recording.
func TestAnotherNodeRecordsOn(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		shared := memory.New()
		defer shared.Close()
		first, second, media := &fakeRecorder{}, &fakeRecorder{}, &fakeMedia{}
		one, kill := l.another(Options{Media: &fakeMedia{}, Recorder: first}, shared.Join())
		two, _ := l.another(Options{Media: media, Recorder: second}, shared.Join())
		a, b := one.join("r", "Ann"), two.join("r", "Bob")
		a.send(&protocol.SetRecording{ID: "1", On: true})
		await[*protocol.Recording](b)
		a.send(&protocol.SFUOffer{ID: "o", Revision: 1, SDP: fakeOffer("1")})
		await[*protocol.SFUAnswer](a)
		one.media.of(a.joined.Self).Events.Connection(Connected)
		synctest.Wait()
		if n, _ := first.last(); n != 1 {
			t.Fatalf("%d recordings at the first node", n)
		}
		kill()
		for await[*protocol.Route](b).Reason != protocol.ReasonRestarted {
		}
		b.send(&protocol.SFUOffer{ID: "o", Revision: 1, SDP: fakeOffer("2")})
		await[*protocol.SFUAnswer](b)
		media.of(b.joined.Self).Events.Connection(Connected)
		synctest.Wait()
		n, tape := second.last()
		if n != 1 {
			t.Fatalf("%d recordings at the second node", n)
		}
		if names, _ := tape.state(); !slices.Contains(names, "Bob") {
			t.Errorf("names %v", names)
		}
		b.conn.Close()
	})
}
