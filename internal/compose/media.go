package compose

import (
	"context"
	"errors"

	"github.com/confab/confab/media"
	"github.com/confab/confab/media/record"
	"github.com/confab/confab/signaling"
	"github.com/confab/confab/signaling/protocol"
)

// Media returns a media.Engine as signaling wants it.
func Media(engine *media.Engine) signaling.Media { return engineMedia{engine} }

// Recorder returns a media.Engine as signaling wants it to record. Recordings are folders in dir, of at most limit bytes each; 0: a terabyte.
func Recorder(engine *media.Engine, dir string, limit int64) signaling.Recorder {
	return engineRecorder{engine, dir, limit}
}

type engineRecorder struct {
	engine *media.Engine
	dir    string
	limit  int64
}

func (r engineRecorder) Record(o signaling.MediaRecordOptions) (signaling.MediaRecording, error) {
	rec, err := r.engine.Record(media.RecordOptions{Room: o.Room, Title: o.Title, Dir: r.dir, Limit: r.limit, Ended: o.Ended})
	if errors.Is(err, media.ErrNoRoom) {
		return nil, signaling.ErrNothingToRecord
	}
	if err != nil {
		return nil, err
	}
	return recording{rec}, nil
}

type recording struct{ *record.Recording }

// Stop lets the recording end by itself; the engine waits for it.
func (r recording) Stop() { r.End() }

type engineMedia struct{ engine *media.Engine }

func (m engineMedia) Connect(o signaling.MediaPeerOptions) (signaling.MediaPeer, error) {
	peer, err := m.engine.Connect(media.PeerOptions{
		Room: o.Room, Participant: o.Participant,
		Publish: o.Publish, Subscribe: o.Subscribe, Data: o.Data, AutoView: o.AutoView,
		Events: mediaEvents(o.Events),
	})
	if err != nil {
		return nil, err
	}
	return enginePeer{peer}, nil
}

func mediaEvents(e signaling.MediaEvents) media.Events {
	var events media.Events
	if e.Slots != nil {
		events.Slots = func(slots []media.SlotState) { e.Slots(each(slots, wireSlot)) }
	}
	if e.Speakers != nil {
		events.Speakers = func(s []media.Speaker) {
			e.Speakers(each(s, func(s media.Speaker) protocol.Speaker { return protocol.Speaker(s) }))
		}
	}
	if e.Connection != nil {
		events.Connection = func(s media.ConnectionState) { e.Connection(signaling.ConnectionState(s)) }
	}
	if e.Tracks != nil {
		events.Tracks = func(s []media.Source) {
			e.Tracks(each(s, func(s media.Source) protocol.Source { return protocol.Source(s) }))
		}
	}
	return events
}

func wireSlot(s media.SlotState) protocol.Slot {
	return protocol.Slot{Mid: s.Mid, Participant: s.Participant, Source: protocol.Source(s.Source), Paused: protocol.PauseReason(s.Paused)}
}

// enginePeer is a media.Peer as signaling wants it.
type enginePeer struct{ *media.Peer }

func (p enginePeer) Negotiate(ctx context.Context, o signaling.MediaOffer) (string, error) {
	tracks := make(map[string]media.Source, len(o.Tracks))
	for mid, source := range o.Tracks {
		tracks[mid] = media.Source(source)
	}
	answer, err := p.Peer.Negotiate(ctx, media.Offer{
		SDP: o.SDP, Tracks: tracks, Audio: o.Audio, Derive: o.Derive,
		Pairs: each(o.Pairs, func(p protocol.Pair) media.Pair { return media.Pair(p) }),
	})
	if errors.Is(err, media.ErrBadSDP) {
		err = badSDP{err}
	}
	return answer, err
}

// badSDP is media's word for an offer that is at fault, as signaling knows it; the text stays media's.
type badSDP struct{ error }

func (badSDP) Is(target error) bool { return target == signaling.ErrBadSDP }

func (p enginePeer) SetView(wants []protocol.Want) {
	p.Peer.SetView(each(wants, func(w protocol.Want) media.Want {
		return media.Want{
			Participant: w.Participant, Source: media.Source(w.Source),
			Width: w.Width, Height: w.Height, Priority: w.Priority, Visible: w.Visible,
		}
	}))
}

func (p enginePeer) SetState(s protocol.State) {
	p.Peer.SetState(media.State{Microphone: s.Microphone, Camera: s.Camera, Screen: s.Screen, ScreenAudio: s.ScreenAudio})
}

// each translates a list. The lists have tens of entries and change with people, not with packets.
func each[A, B any](list []A, f func(A) B) []B {
	out := make([]B, len(list))
	for i, a := range list {
		out[i] = f(a)
	}
	return out
}
