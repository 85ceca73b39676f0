package signaling

import (
	"errors"

	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
)

// tape is the recording of a room whose SFU is here.
type tape struct{ MediaRecording }

// record makes what is recorded here what the log says. It is called whenever that, the route or a connection has changed: a recording begins with
// the first connection of the SFU, and begins anew where the SFU has moved to.
func (a *actor) record() {
	s := a.state()
	on := s.Recording != nil && a.srv.opt.Recorder != nil && s.Route.Transport == protocol.TransportSFU && a.sfuHere()
	switch {
	case !on:
		a.stopTape()
		return
	case a.tape != nil || len(a.links) == 0:
		return
	}
	t := &tape{}
	recording, err := a.srv.opt.Recorder.Record(MediaRecordOptions{Room: a.id + "." + a.epoch, Title: a.id, Ended: func(err error) {
		a.srv.tasks.Go(func() { a.post(func() { a.tapeEnded(t, err) }) })
	}})
	switch {
	case errors.Is(err, ErrNothingToRecord):
		return
	case err != nil:
		a.log.Error("the room cannot be recorded", "err", err)
		a.do(room.RecordingEnded{Reason: recordingFailed})
		return
	}
	t.MediaRecording, a.tape = recording, t
	for i := range s.Seats {
		t.Named(s.Seats[i].ID, s.Seats[i].Name)
	}
}

// recordingFailed is what people are told; the operator's log has the cause, which may name paths.
const recordingFailed = "the server cannot write it"

func (a *actor) stopTape() {
	if a.tape != nil {
		a.tape.Stop()
		a.tape = nil
	}
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
