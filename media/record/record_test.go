package record

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4/pkg/media/ivfreader"

	"github.com/confab/confab/media/codec"
	"github.com/confab/confab/media/frames"
	"github.com/confab/confab/media/seq"
)

// ffmpeg makes and reads what players do. scripts/test installs it; elsewhere these tests tell why they do not run.
func ffmpeg(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		if os.Getenv("REQUIRE_FFMPEG") != "" {
			t.Fatal(err)
		}
		t.Skip("ffmpeg is not installed")
	}
	out, err := exec.Command("ffmpeg", append([]string{"-v", "error", "-y"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func probe(t *testing.T, file string, entries ...string) []string {
	t.Helper()
	out, err := exec.Command("ffprobe", append([]string{"-v", "error", "-of", "csv=p=0", file}, entries...)...).Output()
	if err != nil {
		t.Fatalf("ffprobe %s: %v", file, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// clip is two seconds of a codec as packets.
func clip(t *testing.T, kind codec.Kind) []Packet {
	t.Helper()
	dir := t.TempDir()
	var raw [][]byte
	rate, ticks := 90000, uint32(3000)
	var payloader rtp.Payloader
	encode := func(name string, args ...string) string {
		file := filepath.Join(dir, name)
		ffmpeg(t, append(append([]string{"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30:duration=2", "-pix_fmt", "yuv420p", "-g", "30"}, args...), file)...)
		return file
	}
	switch kind {
	case codec.Opus: // 20 ms of silence each, as an encoder says it (RFC 6716 §3.1: config 31, one frame)
		for range 100 {
			raw = append(raw, []byte{0xFC, 0xFF, 0xFE})
		}
		rate, ticks, payloader = 48000, 960, &codecs.OpusPayloader{}
	case codec.VP8:
		raw, payloader = ivf(t, encode("a.ivf", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-auto-alt-ref", "0")), &codecs.VP8Payloader{EnablePictureID: true}
	case codec.VP9:
		raw, payloader = ivf(t, encode("a.ivf", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0")), &codecs.VP9Payloader{}
	case codec.AV1:
		raw, payloader = ivf(t, encode("a.ivf", "-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-lag-in-frames", "0")), &codecs.AV1Payloader{}
	case codec.H264:
		file := encode("a.h264", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline", "-bsf:v", "h264_metadata=aud=insert")
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, au := range strings.Split(string(b), "\x00\x00\x00\x01\x09") { // access unit delimiters
			if len(au) > 8 {
				raw = append(raw, []byte("\x00\x00\x00\x01\x09"+au))
			}
		}
		payloader = &codecs.H264Payloader{}
	}
	var out []Packet
	parser := codec.NewParser(kind, codec.Extensions{})
	for i, f := range raw {
		payloads := payloader.Payload(1100, f)
		for j, p := range payloads {
			h := rtp.Packet{Header: rtp.Header{Version: 2, Marker: j == len(payloads)-1, SequenceNumber: uint16(len(out)), Timestamp: uint32(i) * ticks}, Payload: p}
			b, err := h.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			var parsed codec.Packet
			if err := parser.Parse(b, &parsed); err != nil {
				t.Fatal(err)
			}
			out = append(out, Packet{Kind: kind, Rate: rate, Packet: frames.Packet{Seq: uint64(len(out)), Timestamp: h.Timestamp, Marker: h.Marker,
				Start: parsed.Picture.Start, Keyframe: parsed.Picture.Keyframe, Payload: p}})
		}
	}
	return out
}

func ivf(t *testing.T, file string) (out [][]byte) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, _, err := ivfreader.NewWith(f)
	if err != nil {
		t.Fatal(err)
	}
	for {
		b, _, err := r.ParseNextFrame()
		if err != nil {
			return out
		}
		out = append(out, b)
	}
}

func start(t *testing.T, o Options) (*Recording, string) {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Room == "" {
		o.Room = "tea"
	}
	r, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Stop(t.Context()) })
	return r, filepath.Join(o.Dir, r.Name())
}

// play gives a clip to an Input: captured at begin, each packet delay late, with the sender's reports unless it has none.
func play(in *Input, list []Packet, begin time.Time, delay time.Duration, reports bool) {
	for i, p := range list {
		captured := begin.Add(time.Duration(p.Timestamp) * time.Second / time.Duration(p.Rate))
		p.At = captured.Add(delay)
		if reports && i > 3 {
			p.Report = &seq.Report{NTP: seq.NTP(begin), RTP: 0}
		}
		for !in.Put(p) {
			time.Sleep(time.Millisecond) // the disk of a test has no packets to lose
		}
	}
}

var kinds = []codec.Kind{codec.Opus, codec.VP8, codec.VP9, codec.H264, codec.AV1}

// Every codec plays: FFmpeg decodes each frame of it without a complaint.
func TestFilesPlay(t *testing.T) {
	for _, kind := range kinds {
		t.Run(codecNames[kind], func(t *testing.T) {
			list := clip(t, kind)
			r, dir := start(t, Options{})
			play(r.Input("ada", "camera"), list, r.Began(), 0, true)
			if err := r.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			s, err := Read(dir)
			if err != nil || len(s.Tracks) != 1 || !s.Ended || s.Reason != "stopped" {
				t.Fatalf("%+v %v", s, err)
			}
			file := filepath.Join(dir, s.Tracks[0].File)
			if out := ffmpeg(t, "-i", file, "-f", "null", "-"); out != "" {
				t.Errorf("FFmpeg complains: %s", out)
			}
			want := "60"
			if kind == codec.Opus {
				want = "100"
			}
			if got := probe(t, file, "-count_frames", "-show_entries", "stream=nb_read_frames"); len(got) != 1 || got[0] != want {
				t.Errorf("%v frames, want %s", got, want)
			}
			if kind != codec.Opus && (s.Tracks[0].Width != 320 || s.Tracks[0].Height != 180) {
				t.Errorf("the manifest says %dx%d", s.Tracks[0].Width, s.Tracks[0].Height)
			}
		})
	}
}

// What was written when the process was killed plays: a copy made in the middle is what kill -9 leaves.
func TestWhatWasWrittenPlays(t *testing.T) {
	list := clip(t, codec.VP8)
	copied := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r, dir := start(t, Options{})
		play(r.Input("ada", "camera"), list[:len(list)/2], r.Began(), 0, true)
		synctest.Wait() // all of it is taken, and written
		if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
	})
	s, err := Read(copied)
	if err != nil || len(s.Tracks) != 1 || s.Ended {
		t.Fatalf("%+v %v", s, err)
	}
	file := filepath.Join(copied, s.Tracks[0].File)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r2 := rand.New(rand.NewPCG(1, 1))
	for range 3 { // and wherever a page of it did not reach the disk
		if err := os.WriteFile(file, whole[:len(whole)/2+r2.IntN(len(whole)/2)], 0o600); err != nil {
			t.Fatal(err)
		}
		got := probe(t, file, "-count_frames", "-show_entries", "stream=nb_read_frames")
		var n int
		if _, err := fmt.Sscan(got[0], &n); err != nil || n < 12 {
			t.Errorf("%v frames of 30 in a file that was cut off", got)
		}
		out := filepath.Join(t.TempDir(), "out.mkv")
		if err := Compose(copied, out, nil); err != nil {
			t.Errorf("compose what was cut off: %v", err)
		}
		if m := probe(t, out, "-count_frames", "-show_entries", "stream=nb_read_frames"); len(m) != 1 || m[0] == "0" {
			t.Errorf("composed of what was cut off: %v frames", m)
		}
	}
}

// Tracks are aligned by their senders' clocks, however late their packets are.
func TestTracksAreAligned(t *testing.T) {
	r, dir := start(t, Options{})
	begin := r.Began().Add(1500 * time.Millisecond)
	play(r.Input("ada", "camera"), clip(t, codec.VP8), begin, 700*time.Millisecond, true)
	play(r.Input("ada", "microphone"), clip(t, codec.Opus), begin, 20*time.Millisecond, true)
	play(r.Input("bob", "microphone"), clip(t, codec.Opus), begin.Add(time.Second), 30*time.Millisecond, false)
	r.Named("ada", "Ada Lovelace")
	r.Speakers([]string{"ada"})
	r.State("bob", []string{"microphone"})
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := Read(dir)
	if err != nil || len(s.Tracks) != 3 {
		t.Fatalf("%+v %v", s, err)
	}
	for _, track := range s.Tracks {
		want := int64(1500)
		if track.Participant == "bob" {
			want = 2530 // no report: when it arrived
		} else if track.Name != "Ada Lovelace" {
			t.Errorf("%s has the name %q", track.File, track.Name)
		}
		if off := track.At - want; off < -5 || off > 5 {
			t.Errorf("%s %s begins at %d ms, want %d", track.Participant, track.Source, track.At, want)
		}
	}
	out := filepath.Join(t.TempDir(), "out.mkv")
	var told int64
	if err := Compose(dir, out, func(at, _ int64) { told = at }); err != nil {
		t.Fatal(err)
	}
	if told < 2000 {
		t.Errorf("progress stood at %d ms", told)
	}
	if out := ffmpeg(t, "-i", out, "-map", "0", "-f", "null", "-"); out != "" {
		t.Errorf("FFmpeg complains of the composed file: %s", out)
	}
	if got := probe(t, out, "-show_entries", "stream=codec_name"); len(got) != 3 {
		t.Errorf("the composed file has %v", got)
	}
	// The composed file begins with its first frame: differences are what counts.
	times := map[string]float64{}
	for _, line := range probe(t, out, "-show_entries", "packet=stream_index,pts_time") {
		var index string
		var at float64
		if _, err := fmt.Sscanf(strings.Replace(line, ",", " ", 1), "%s %f", &index, &at); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if first, ok := times[index]; !ok || at < first {
			times[index] = at
		}
	}
	for i, track := range s.Tracks {
		want := float64(track.At-s.Tracks[0].At) / 1000
		if got := times[fmt.Sprint(i)] - times["0"]; got < want-0.002 || got > want+0.002 {
			t.Errorf("%s %s begins %.3f s after the first in the composed file, want %.3f", track.Participant, track.Source, got, want)
		}
	}
	if Compose(dir, out, nil) == nil {
		t.Error("a file that exists was written over")
	}
}

// A larger layer is asked for a keyframe, and taken with it: what follows of the smaller one is not.
func TestLayers(t *testing.T) {
	small, large := clip(t, codec.VP8), clip(t, codec.VP8)
	synctest.Test(t, func(t *testing.T) {
		r, dir := start(t, Options{})
		in := r.Input("ada", "camera")
		put := func(p Packet, layer int, late time.Duration) {
			p.Layer, p.Stream = layer, uint32(layer)+1
			p.At = r.Began().Add(late + time.Duration(p.Timestamp)*time.Second/90000)
			p.Report = &seq.Report{NTP: seq.NTP(r.Began().Add(late)), RTP: 0}
			if !in.Put(p) {
				t.Fatal("the queue is full")
			}
			synctest.Wait()
		}
		key := func(list []Packet, after int) int { // the first packet of the next keyframe
			for i := after; i < len(list); i++ {
				if list[i].Keyframe {
					return i
				}
			}
			t.Fatal("no keyframe")
			return 0
		}
		second := key(small, 1)
		for i := range second {
			put(small[i], 0, 0)
		}
		put(large[1], 2, 0) // of no keyframe's beginning
		if !in.WantsKeyframe(2) || in.WantsKeyframe(2) {
			t.Error("a keyframe of the larger layer is asked for once")
		}
		for i, p := range large[key(large, 1):] { // a second of it, and the smaller layer all the while
			put(p, 2, 0)
			if at := second + i; at < len(small) {
				put(small[at], 0, 0)
			}
		}
		if err := r.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		manifest, err := os.ReadFile(filepath.Join(dir, Manifest))
		if err != nil || !strings.Contains(string(manifest), `"frames":60`) { // 30 of the one and 30 of the other
			t.Errorf("%v\n%s", err, manifest)
		}
	})
}

// What reaches its limit ends, says why, and keeps what it has.
func TestLimit(t *testing.T) {
	r, dir := start(t, Options{Limit: 20_000})
	play(r.Input("ada", "camera"), clip(t, codec.VP8), r.Began(), 0, true)
	<-r.Stopping()
	<-r.done
	if r.Err() == nil || r.Input("bob", "camera") != nil {
		t.Errorf("it goes on: %v", r.Err())
	}
	s, err := Read(dir)
	if err != nil || !s.Ended || s.Reason != ErrFull.Error() || s.Bytes > 20_000 {
		t.Errorf("%+v %v", s, err)
	}
}

func TestFolders(t *testing.T) {
	dir := t.TempDir()
	seen := map[string]bool{}
	for range 3 {
		r, _ := start(t, Options{Dir: dir, Room: "../../etc"})
		if seen[r.Name()] || strings.ContainsAny(r.Name(), "./") {
			t.Errorf("folder %q", r.Name())
		}
		seen[r.Name()] = true
	}
	if _, err := Start(Options{Dir: filepath.Join(dir, "a\x00b"), Room: "tea"}); err == nil {
		t.Error("an impossible folder was made")
	}
}

func FuzzManifest(f *testing.F) {
	line, _ := json.Marshal(startLine{Type: "start", Room: "tea"}.stamp(0))
	f.Add(string(line) + "\n" + `{"type":"track","file":"../x"}`)
	f.Add(string(line) + "\n" + `{"type":"track","file":"x.webm","at":3`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := readManifest(strings.NewReader(text))
		for _, track := range s.Tracks {
			if err == nil && (strings.ContainsAny(track.File, "/\x00") || track.File == "..") {
				t.Errorf("a file outside the folder: %q", track.File)
			}
		}
	})
}
