package record

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/at-wat/ebml-go/mkv"
	"github.com/at-wat/ebml-go/mkvcore"
)

// Summary is what a folder holds.
type Summary struct {
	Name   string  `json:"name"`
	Room   string  `json:"room"`
	Time   string  `json:"time"` // RFC 3339
	Ended  bool    `json:"ended"`
	Reason string  `json:"reason,omitempty"`
	Millis int64   `json:"milliseconds"`
	Bytes  int64   `json:"bytes"`
	Tracks []Track `json:"tracks"`
}

// Track is one file of a recording.
type Track struct {
	File        string `json:"file"`
	Participant string `json:"participant"`
	Name        string `json:"name,omitempty"`
	Source      string `json:"source"`
	Codec       string `json:"codec"`
	Width       int    `json:"width,omitempty"`
	Height      int    `json:"height,omitempty"`
	Private     []byte `json:"private,omitempty"` // Matroska's CodecPrivate
	At          int64  `json:"at"`                // milliseconds since the recording began
}

// Read reads a folder's manifest. A last line that was cut off by the end of the process is left out.
func Read(dir string) (Summary, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Summary{}, err
	}
	defer root.Close()
	f, err := root.Open(Manifest)
	if err != nil {
		return Summary{}, fmt.Errorf("%s is no recording: %w", dir, err)
	}
	defer f.Close()
	s, err := readManifest(f)
	if err != nil {
		return s, fmt.Errorf("%s: %w", filepath.Join(dir, Manifest), err)
	}
	s.Name = filepath.Base(dir)
	if s.Bytes == 0 {
		for _, t := range s.Tracks {
			if i, err := root.Stat(t.File); err == nil {
				s.Bytes += i.Size()
			}
		}
	}
	return s, nil
}

func readManifest(r io.Reader) (s Summary, err error) {
	names := map[string]string{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			Track
			Type   string
			Room   string
			Time   string
			Reason string
			Bytes  int64
		}
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			continue // cut off
		}
		s.Millis = max(s.Millis, line.At)
		switch line.Type {
		case "start":
			s.Room, s.Time = line.Room, line.Time
		case "name":
			names[line.Participant] = line.Track.Name
		case "track":
			if !filepath.IsLocal(line.File) || filepath.Base(line.File) != line.File {
				return s, fmt.Errorf("a track's file is %q, which is not in the folder", line.File)
			}
			line.Track.Name = ""
			s.Tracks = append(s.Tracks, line.Track)
		case "end":
			s.Ended, s.Reason, s.Bytes = true, line.Reason, line.Bytes
		}
	}
	for i := range s.Tracks {
		s.Tracks[i].Name = names[s.Tracks[i].Participant]
	}
	if s.Room == "" {
		return s, errors.New("the manifest has no start")
	}
	return s, lines.Err()
}

// Compose writes one Matroska file of a recording: a track of each of its files, aligned, nothing decoded. out must not exist. progress, which
// may be nil, gets the milliseconds that are written.
func Compose(dir, out string, progress func(millis, of int64)) error {
	s, err := Read(dir)
	if err != nil {
		return err
	}
	if len(s.Tracks) == 0 {
		return fmt.Errorf("%s has no tracks", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	var inputs []*trackReader
	defer func() {
		for _, in := range inputs {
			in.close()
		}
	}()
	var tracks []mkvcore.TrackDescription
	for i, t := range s.Tracks {
		in, err := openTrack(root, t)
		if err != nil {
			return fmt.Errorf("%s: %w", t.File, err)
		}
		inputs = append(inputs, in)
		title := t.Name
		if title == "" {
			title = t.Participant
		}
		id := ""
		for kind, name := range codecNames {
			if name == t.Codec {
				id = codecIDs[kind]
			}
		}
		if id == "" {
			return fmt.Errorf("%s: unknown codec %.20q", t.File, t.Codec)
		}
		n := uint64(i + 1)
		tracks = append(tracks, mkvcore.TrackDescription{TrackNumber: n,
			TrackEntry: trackEntry(n, title+" "+t.Source, id, t.Width, t.Height, t.Private)})
	}
	f, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o640)
	if err != nil {
		return err
	}
	var failed error
	w := &output{f: f, b: &budget{failed: func(err error) { failed = errors.Join(failed, err) }}}
	w.b.left.Store(1 << 62)
	writers, err := mkvcore.NewSimpleBlockWriter(composed{w}, tracks, mkvcore.WithEBMLHeader(mkv.DefaultEBMLHeader),
		mkvcore.WithSegmentInfo(segmentInfo()), mkvcore.WithSeekHead(true), mkvcore.WithCues(64<<10),
		mkvcore.WithMinMaxClusterDuration(1, 1000, 5000), mkvcore.WithOnFatalHandler(w.b.failed))
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(out))
	}
	merge(inputs, writers, func(at int64) {
		if progress != nil {
			progress(at, s.Millis)
		}
	})
	for _, w := range writers {
		_ = w.Close()
	}
	if failed != nil {
		return errors.Join(fmt.Errorf("write %s: %w", out, failed), os.Remove(out))
	}
	return nil
}

// composed lets the muxer go back to write the index.
type composed struct{ *output }

func (c composed) WriteAt(p []byte, at int64) (int, error) {
	if n, err := c.f.WriteAt(p, at); err != nil {
		c.b.failed(err)
		return n, nil
	}
	return len(p), nil
}

// merge writes the frames of all in the order of their times.
func merge(inputs []*trackReader, writers []mkvcore.BlockWriteCloser, told func(at int64)) {
	last := int64(0)
	for {
		first := -1
		for i, in := range inputs {
			if in.ok && (first < 0 || in.at < inputs[first].at) {
				first = i
			}
		}
		if first < 0 {
			return
		}
		in := inputs[first]
		_, _ = writers[first].Write(in.key, in.at, in.frame)
		if in.at-last >= 1000 {
			last = in.at
			told(last)
		}
		in.next()
	}
}

// trackReader reads a file that may have been cut off.
type trackReader struct {
	f     *os.File
	r     mkvcore.BlockReadCloserWithTrackEntry
	start int64
	at    int64 // of the frame, in milliseconds of the recording
	key   bool
	frame []byte
	ok    bool // there is one
}

func openTrack(root *os.Root, t Track) (*trackReader, error) {
	f, err := root.Open(t.File)
	if err != nil {
		return nil, err
	}
	rs, err := mkvcore.NewSimpleBlockReader(bufio.NewReaderSize(f, 1<<18), mkvcore.WithOnFatalHandler(func(error) {})) // cut off: its end
	if err != nil || len(rs) != 1 {
		return nil, errors.Join(errors.New("not a track of a recording"), err, f.Close())
	}
	in := &trackReader{f: f, r: rs[0], start: t.At}
	in.next()
	return in, nil
}

func (in *trackReader) next() {
	b, key, at, err := in.r.Read()
	in.frame, in.key, in.at, in.ok = b, key, in.start+at, err == nil
}

func (in *trackReader) close() {
	_ = in.r.Close()
	_ = in.f.Close()
}
