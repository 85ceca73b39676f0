package signaling

import (
	"context"
	"errors"

	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
)

// tape is the recording of a room whose SFU is here. It belongs to the actor.
type tape struct {
	MediaRecording      // nil while it begins
	again          bool // something has changed since, so that what had nothing to record may have it now
}

// record makes what is recorded here what the log says. It is called whenever that, the route or a connection has changed: a recording begins with
// the first connection of the SFU, and begins anew where the SFU has moved to.
func (a *actor) record() {
	s := a.state()
	on := s.Recording != nil && a.srv.opt.Recorder != nil && s.Route.Transport == protocol.TransportSFU && a.sfuHere()
	switch {
	case !on:
		a.stopTape()
		return
	case a.tape != nil:
		a.tape.again = true
		return
	case len(a.links) == 0:
		return
	}
	t := &tape{}
	a.tape = t
	o := MediaRecordOptions{Room: a.id + "." + a.epoch, Title: a.id, Ended: func(err error) {
		a.srv.tasks.Go(func() { a.post(func() { a.tapeEnded(t, err) }) })
	}}
	a.srv.tasks.Go(func() { // it waits for a disk
		recording, err := a.srv.opt.Recorder.Record(o)
		begun := false
		if a.call(context.Background(), func() { begun = a.tapeBegins(t, recording, err) }); err == nil && !begun {
			recording.Stop()
		}
	})
}

// tapeBegins is told what became of the beginning of a recording; false: nobody wants it any more.
func (a *actor) tapeBegins(t *tape, recording MediaRecording, err error) bool {
	if a.tape != t {
		return false
	}
	if err != nil {
		a.tape = nil
		switch {
		case !errors.Is(err, ErrNothingToRecord):
			a.log.Error("the room cannot be recorded", "err", err)
			a.do(room.RecordingEnded{Reason: recordingFailed})
		case t.again:
			a.record()
		}
		return false
	}
	t.MediaRecording = recording
	for _, seat := range a.state().Seats {
		recording.Named(seat.ID, seat.Name)
	}
	return true
}

// recordingFailed is what people are told; the operator's log has the cause, which may name paths.
const recordingFailed = "the server cannot write it"

func (a *actor) stopTape() {
	if a.tape != nil && a.tape.MediaRecording != nil {
		a.tape.Stop()
	}
	a.tape = nil
}

// tapeEnded is told that a recording has ended, which may have been stopped.
func (a *actor) tapeEnded(t *tape, err error) {
	if a.tape != t {
		return
	}
	a.tape = nil
	if err != nil {
		a.do(room.RecordingEnded{Reason: recordingFailed})
		return
	}
	a.record() // the last connection had ended, and others have come
}
