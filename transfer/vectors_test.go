package transfer_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/confab/confab/transfer/content"
	"github.com/confab/confab/transfer/wire"
)

var update = flag.Bool("update", false, "write the vectors anew")

// vectors compares what the code makes now with the file that both languages read.
func vectors(t *testing.T, name string, made any) {
	t.Helper()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(made); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, out.Bytes()) {
		t.Errorf("%s is not what the code makes: go test ./transfer -update, if that is meant", path)
	}
}

func TestPathVectors(t *testing.T) {
	type vector struct {
		Paths []string `json:"paths"`
		Names []string `json:"names"` // null: refused
	}
	var made []vector
	for _, paths := range [][]string{
		{"a.txt"}, {"a/b/c.txt", "a/d"}, {"empty/"}, {"a/b/"},
		{"/etc/passwd"}, {"../a"}, {"a/../b"}, {"a/.."}, {"./a"}, {"a//b"}, {""}, {"/"}, {"a//"}, {"a\\b"}, {"C:a"}, {"c:"}, {"a\x00b"}, {"a\nb"}, {"a\x7fb"}, {"a\u0085b"},
		{"..a"}, {"...a"}, {".hidden"}, {"a..b"}, {"..."},
		{"con"}, {"CON.txt"}, {"con .txt"}, {"aux.tar.gz"}, {"com1"}, {"COM¹.x"}, {"com10"}, {"lpt9/x"}, {"nul/"}, {"console"}, {"conin$"},
		{"a."}, {"a "}, {"a. "}, {"dir./x"}, {" a"}, {"a:b"}, {"ab:c"}, {"a?b*c<d>e|f\"g"}, {"gpj\u202eexe"}, {"a\u2028b"}, {"\ufeffa"},
		{"a", "A"}, {"a.txt", "A.TXT", "a.txt"}, {"a.txt", "a (2).txt", "A.txt"}, {".x", ".X"}, {"d/x", "D/y"}, {"d/x", "D/X"}, {"a", "a/b", "a/c"}, {"a/b", "a"}, {"a/", "A/"}, {"a/", "a"},
		{"e\u0301.txt"}, {"e\u0301", "\u00e9"}, {"日本/語.txt"}, {"😀"},
		{strings.Repeat("x", 255)}, {strings.Repeat("x", 256)}, {strings.Repeat("é", 127)}, {strings.Repeat("é", 128)}, {strings.Repeat("x", 255), strings.Repeat("X", 255)},
		{strings.Repeat("a/", 511) + "bb"}, {strings.Repeat("a/", 512) + "b"},
	} {
		names, err := content.Names(paths)
		if err != nil {
			names = nil
		}
		made = append(made, vector{paths, names})
	}
	vectors(t, "paths.json", made)
}

// pattern is the bytes that both languages hash: byte i is (i*7 + i/256) mod 256.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

func TestMerkleVectors(t *testing.T) {
	type file struct {
		Size   int            `json:"size"` // of the pattern: byte i is (i*7 + (i>>8)) & 255
		Leaves []content.Hash `json:"leaves"`
		Root   content.Hash   `json:"root"`
	}
	type tree struct {
		Count int          `json:"count"` // of leaves; leaf i is the hash of the one byte i
		Root  content.Hash `json:"root"`
	}
	type whole struct {
		Entries []content.Entry `json:"entries"`
		Root    content.Hash    `json:"root"`
	}
	var made struct {
		Files    []file  `json:"files"`
		Trees    []tree  `json:"trees"`
		Contents []whole `json:"contents"`
	}
	for _, size := range []int{0, 1, 65536, content.BlockSize - 1, content.BlockSize, content.BlockSize + 1, 3*content.BlockSize + 5} {
		var h content.Hasher
		_, _ = h.Write(pattern(size))
		leaves, root, _ := h.Sum()
		made.Files = append(made.Files, file{size, append([]content.Hash{}, leaves...), root})
	}
	var leaves []content.Hash
	for n := range 18 {
		made.Trees = append(made.Trees, tree{n, content.Root(leaves)})
		leaves = append(leaves, content.Leaf([]byte{byte(n)}))
	}
	hello := content.Leaf([]byte("hello"))
	for _, entries := range [][]content.Entry{
		{{Path: "a.txt", Size: 5, Root: &hello}},
		{{Path: "text.txt", Size: 5, Root: &hello, Type: "text/plain", Inline: "hello"}},
		{{Path: "f/ä.txt", Size: 5, Root: &hello, Modified: 1800000000000}, {Path: "f/none", Root: &content.Empty}, {Path: "f/empty/"}},
		{{Path: "stdin", Size: -1, Stream: true}},
	} {
		made.Contents = append(made.Contents, whole{entries, content.RootOf(entries)})
	}
	vectors(t, "merkle.json", made)
}

func TestFrameVectors(t *testing.T) {
	type binary struct {
		Hex  string     `json:"hex"`
		Type string     `json:"type"` // "": refused
		Is   wire.Frame `json:"is"`
	}
	type control struct {
		Text string `json:"text"`
		OK   bool   `json:"ok"`
		Skip bool   `json:"skip,omitempty"` // of an unknown type
	}
	var made struct {
		Binary  []binary  `json:"binary"`
		Control []control `json:"control"`
	}
	leaf := content.Leaf([]byte("x"))
	name := func(f wire.Frame) string {
		switch f.(type) {
		case wire.Data:
			return "data"
		case wire.Request:
			return "request"
		case wire.Have:
			return "have"
		case wire.Cancel:
			return "cancel"
		case wire.Ask:
			return "ask"
		}
		return "hashes"
	}
	for _, f := range []wire.Frame{
		wire.Data{File: 1, Offset: 65536, Payload: []byte("hello")}, wire.Data{File: 99999, Offset: 1<<42 - 1, Payload: []byte{0}},
		wire.Request{File: 0, Offset: 0, Length: 65536}, wire.Request{File: 7, Offset: 5 << 32, Length: 1 << 20}, wire.Cancel{File: 7, Offset: 5 << 32, Length: 1 << 20},
		wire.Have{File: 2, First: 8, Bitmap: []byte{0x80, 0x01}}, wire.Ask{File: 3, First: 1024, Count: 1024}, wire.Hashes{File: 3, First: 5, Leaves: []content.Hash{leaf, leaf}},
	} {
		b := wire.Append(nil, f)
		if back, err := wire.Parse(b); err != nil {
			t.Errorf("%+v: %v", back, err)
		}
		made.Binary = append(made.Binary, binary{hex.EncodeToString(b), name(f), f})
	}
	bad := [][]byte{
		nil, {1}, {9, 0, 0, 0, 0, 0, 0, 0, 0, 0}, wire.Append(nil, wire.Data{}), wire.Append(nil, wire.Data{File: 100000, Payload: []byte("x")}),
		wire.Append(nil, wire.Data{Offset: 1<<20 - 1, Payload: []byte("xx")}), wire.Append(nil, wire.Data{Offset: 1 << 42, Payload: []byte("x")}), wire.Append(nil, wire.Data{Offset: -1, Payload: []byte("x")}),
		wire.Append(nil, wire.Request{Length: 0}), wire.Append(nil, wire.Request{Length: 1<<20 + 1}), wire.Append(nil, wire.Request{Offset: 5, Length: 1 << 20}),
		append(wire.Append(nil, wire.Request{Length: 1}), 0), wire.Append(nil, wire.Have{First: 3, Bitmap: []byte{1}}), wire.Append(nil, wire.Have{}),
		wire.Append(nil, wire.Ask{Count: 0}), wire.Append(nil, wire.Ask{Count: 1025}), wire.Append(nil, wire.Hashes{}), append(wire.Append(nil, wire.Hashes{Leaves: []content.Hash{leaf}}), 0),
	}
	for _, b := range bad {
		if f, err := wire.Parse(b); err == nil {
			t.Errorf("%x was taken for %+v", b, f)
		}
		made.Binary = append(made.Binary, binary{Hex: hex.EncodeToString(b)})
	}
	for _, text := range controls {
		_, err := wire.Decode([]byte(text))
		made.Control = append(made.Control, control{text, err == nil, err != nil && strings.Contains(err.Error(), wire.ErrUnknown.Error())})
	}
	vectors(t, "frames.json", made)
}

const someHash = `"` + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" + `"`

var controls = []string{
	`{"t":"offer","root":` + someHash + `,"count":1,"total":5,"name":"a.txt"}`,
	`{"t":"offer","root":` + someHash + `,"count":100000,"total":9007199254740991,"name":"","note":"hi","newer":true}`,
	`{"t":"offer","root":` + someHash + `,"count":0,"total":5,"name":"a"}`,
	`{"t":"offer","root":` + someHash + `,"count":100001,"total":5,"name":"a"}`,
	`{"t":"offer","root":` + someHash + `,"count":1,"total":-1,"name":"a"}`,
	`{"t":"offer","root":"AA","count":1,"total":5,"name":"a"}`,
	`{"t":"offer","root":` + someHash + `,"count":1.5,"total":5,"name":"a"}`,
	`{"t":"entries","first":0,"entries":[{"path":"a","size":0,"root":"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"},{"path":"b/","size":0},{"path":"s","size":-1,"stream":true}]}`,
	`{"t":"entries","first":0,"entries":[]}`,
	`{"t":"entries","first":-1,"entries":[{"path":"b/","size":0}]}`,
	`{"t":"entries","first":0,"entries":[{"path":"a","size":5}]}`,
	`{"t":"entries","first":0,"entries":[{"path":"a","size":4398046511105,"root":` + someHash + `}]}`,
	`{"t":"accept","files":"all"}`, `{"t":"accept","files":[0,2]}`, `{"t":"accept","files":[]}`,
	`{"t":"accept"}`, `{"t":"accept","files":"some"}`, `{"t":"accept","files":null}`, `{"t":"accept","files":[-1]}`, `{"t":"accept","files":[100000]}`,
	`{"t":"decline"}`, `{"t":"decline","reason":"no"}`, `{"t":"pause"}`, `{"t":"continue"}`, `{"t":"cancel"}`, `{"t":"cancel","message":"enough"}`,
	`{"t":"lanes","n":8}`, `{"t":"lanes","n":0}`, `{"t":"lanes","n":9}`, `{"t":"lanes","n":"1"}`,
	`{"t":"verified","file":3}`, `{"t":"verified","file":-1}`,
	`{"t":"ended","file":0,"size":5,"root":` + someHash + `}`, `{"t":"ended","file":0,"size":-5,"root":` + someHash + `}`,
	`{"t":"done","root":` + someHash + `}`, `{"t":"changed","file":1,"message":"it has grown"}`, `{"t":"error","code":"no-space","message":"full"}`,
	`{"t":"swarm","secret":"AAAAAAAAAAAAAAAAAAAAAA","stripe":0,"of":2,"peers":["b2"]}`, `{"t":"swarm","secret":"AAAA","stripe":0,"of":2,"peers":["b2"]}`,
	`{"t":"swarm","secret":"AAAAAAAAAAAAAAAAAAAAAA","stripe":2,"of":2,"peers":["b2"]}`, `{"t":"swarm","secret":"AAAAAAAAAAAAAAAAAAAAAA","stripe":0,"of":2,"peers":[""]}`,
	`{"t":"dance"}`, `{}`, `[]`, `{"t":"pause"`, `"pause"`, ``,
}
