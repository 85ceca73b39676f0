package record

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/at-wat/ebml-go/mkv"
	"github.com/at-wat/ebml-go/mkvcore"
	"github.com/at-wat/ebml-go/webm"

	"github.com/confab/confab/media/codec"
	"github.com/confab/confab/media/frames"
)

// codecIDs are Matroska's names (RFC 9559, codec mappings).
var codecIDs = map[codec.Kind]string{codec.Opus: "A_OPUS", codec.VP8: "V_VP8", codec.VP9: "V_VP9", codec.AV1: "V_AV1", codec.H264: "V_MPEG4/ISO/AVC"}

// codecNames are those of the manifest.
var codecNames = map[codec.Kind]string{codec.Opus: "opus", codec.VP8: "VP8", codec.VP9: "VP9", codec.AV1: "AV1", codec.H264: "H264"}

// extension is that of a file: WebM knows no H264.
func extension(kind codec.Kind) string {
	if kind == codec.H264 {
		return ".mkv"
	}
	return ".webm"
}

// trackEntry describes a track in the head of a file.
func trackEntry(number uint64, name, codecID string, width, height int, private []byte) webm.TrackEntry {
	e := webm.TrackEntry{Name: name, TrackNumber: number, TrackUID: number, CodecID: codecID, CodecPrivate: private}
	if codecID == codecIDs[codec.Opus] {
		const audio, preRoll = 2, 80_000_000 // nanoseconds (RFC 7845 §4.6)
		e.TrackType, e.SeekPreRoll = audio, preRoll
		e.Audio = &webm.Audio{SamplingFrequency: 48000, Channels: 2}
		return e
	}
	const video = 1
	e.TrackType = video
	e.Video = &webm.Video{PixelWidth: uint64(width), PixelHeight: uint64(height)}
	return e
}

// budget is what a recording may still write.
type budget struct {
	left    atomic.Int64
	written atomic.Int64
	failed  func(error) // called at most once per file
}

// ErrFull ends a recording that has reached its limit.
var ErrFull = errors.New("the recording has reached its largest size")

// output is what the muxer writes to. It never fails towards the muxer, whose goroutine would end without a word to those who wait for it:
// an error goes to the recording, which ends.
type output struct {
	f      *os.File
	b      *budget
	broken bool
}

func (o *output) Write(p []byte) (int, error) {
	if o.broken {
		return len(p), nil
	}
	err := ErrFull
	if o.b.left.Add(-int64(len(p))) >= 0 {
		if _, err = o.f.Write(p); err == nil {
			o.b.written.Add(int64(len(p)))
			return len(p), nil
		}
	}
	o.broken = true
	o.b.failed(err)
	return len(p), nil
}

func (o *output) Close() error {
	err := errors.Join(o.f.Sync(), o.f.Close())
	if err != nil && !o.broken {
		o.b.failed(err)
	}
	return nil
}

// trackFile is one file of one track.
type trackFile struct {
	name   string
	out    *output
	writer mkvcore.BlockWriteCloser
	first  int64 // milliseconds of the recording, as the next
	last   int64
	frames int

	width, height int
}

func createTrack(root *os.Root, name, title string, kind codec.Kind, i frames.Info, b *budget) (*trackFile, error) {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", filepath.Base(name), err)
	}
	out := &output{f: f, b: b}
	var header any = webm.DefaultEBMLHeader
	if kind == codec.H264 {
		header = mkv.DefaultEBMLHeader
	}
	ws, err := mkvcore.NewSimpleBlockWriter(out,
		[]mkvcore.TrackDescription{{TrackNumber: 1, TrackEntry: trackEntry(1, title, codecIDs[kind], i.Width, i.Height, i.Private)}},
		mkvcore.WithEBMLHeader(header), mkvcore.WithSegmentInfo(segmentInfo()), mkvcore.WithOnFatalHandler(b.failed))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("begin %s: %w", name, err), f.Close())
	}
	return &trackFile{name: name, out: out, writer: ws[0], first: -1}, nil
}

func segmentInfo() *webm.Info {
	return &webm.Info{TimecodeScale: 1_000_000, MuxingApp: "ebml-go", WritingApp: "Confab"}
}

// write adds a frame at a time of the recording in milliseconds. Times in a file grow strictly, as players want them, also where a sender's
// clock was corrected backwards.
func (t *trackFile) write(f frames.Frame, at int64) {
	if t.first < 0 {
		t.first, t.last = at, at-1
	}
	t.last = max(at, t.last+1)
	t.frames++
	_, _ = t.writer.Write(f.Keyframe, t.last, f.Data) // says nothing: see output
}

func (t *trackFile) close() { _ = t.writer.Close() }
