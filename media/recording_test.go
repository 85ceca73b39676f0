package media

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/media/record"
)

// A room is recorded from when it is asked for, whoever comes later included, until it is stopped.
func TestRecordingOfARoom(t *testing.T) { loopback(t, testRecording) }

func testRecording(b *bench) {
	dir := b.t.TempDir()
	ended := make(chan error, 1)
	options := RecordOptions{Room: "r", Title: "tea", Dir: dir, Ended: func(err error) { ended <- err }}
	if _, err := b.engine.Record(options); !errors.Is(err, ErrNoRoom) {
		b.t.Fatalf("a room with nobody in it: %v", err)
	}
	alice := b.join("r", "alice", clientOptions{publish: true})
	mic, cam := alice.publish(webrtc.MimeTypeOpus, Microphone), alice.publish(webrtc.MimeTypeVP8, Camera)
	alice.negotiate(mic, cam)
	alice.wait("connected", func() bool { return len(alice.states) > 0 && alice.states[0] == Connected })
	mic.speak(20)
	cam.film(2) // before the recording
	alice.wait("her sources", func() bool { return len(alice.sources) == 2 })

	rec, err := b.engine.Record(options)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.engine.Record(options); !errors.Is(err, ErrRecording) {
		b.t.Errorf("a second recording: %v", err)
	}
	rec.Named("alice", "Alice")
	folder := filepath.Join(dir, rec.Name())
	// Her keyframes come when they are asked for.
	recorded := func(n int) {
		b.t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			s, err := record.Read(folder)
			enough := 0
			for _, track := range s.Tracks {
				if i, err := os.Stat(filepath.Join(folder, track.File)); err == nil && i.Size() > 400 {
					enough++
				}
			}
			if err == nil && enough == n {
				return
			}
			if time.Now().After(end) {
				b.t.Fatalf("%d tracks are not recorded: %+v %v", n, s, err)
			}
		}
	}
	recorded(2)
	bob := b.join("r", "bob", clientOptions{publish: true})
	voice := bob.publish(webrtc.MimeTypeOpus, Microphone)
	bob.negotiate(voice)
	bob.wait("connected", func() bool { return len(bob.states) > 0 && bob.states[0] == Connected })
	voice.speak(20)
	bob.wait("his source", func() bool { return len(bob.sources) == 1 })
	recorded(3)
	alice.peer.SetState(State{Camera: true})

	if err := rec.Stop(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	if err := <-ended; err != nil {
		b.t.Errorf("ended: %v", err)
	}
	s, err := record.Read(folder)
	if err != nil || !s.Ended || s.Room != "tea" {
		b.t.Fatalf("%+v %v", s, err)
	}
	found := map[string]string{}
	for _, track := range s.Tracks {
		found[track.Participant+" "+track.Source] = track.Codec
	}
	if len(found) != 3 || found["alice microphone"] != "opus" || found["alice camera"] != "VP8" || found["bob microphone"] != "opus" {
		b.t.Errorf("recorded %v", found)
	}
	again, err := b.engine.Record(options)
	if err != nil {
		b.t.Fatalf("recorded again: %v", err)
	}
	alice.peer.Close()
	bob.peer.Close()
	<-again.Stopping() // with the room
	if err := <-ended; err != nil {
		b.t.Errorf("ended with the room: %v", err)
	}
}
