package content

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// slowRoot is RFC 9162 §2.1.1 as it is written.
func slowRoot(leaves []Hash) Hash {
	n := len(leaves)
	if n == 0 {
		return sha256.Sum256(nil)
	}
	if n == 1 {
		return leaves[0]
	}
	k := 1
	for k*2 < n {
		k *= 2
	}
	l, r := slowRoot(leaves[:k]), slowRoot(leaves[k:])
	return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
}

func TestRootIsThatOfTheRFC(t *testing.T) {
	leaves := make([]Hash, 70)
	for i := range leaves {
		leaves[i] = Leaf([]byte{byte(i)})
	}
	for n := range leaves {
		if Root(leaves[:n]) != slowRoot(leaves[:n]) {
			t.Errorf("%d leaves: another root", n)
		}
	}
}

func TestHasherMakesTheSameLeavesOfAnyPieces(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, BlockSize - 1, BlockSize, BlockSize + 1, 3*BlockSize + 17} {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(i * 7)
		}
		var want []Hash
		for b := range Blocks(int64(size)) {
			want = append(want, Leaf(data[b*BlockSize:][:BlockLen(int64(size), b)]))
		}
		var h Hasher
		for rest := data; len(rest) > 0; {
			n := min(len(rest), 1+random.IntN(BlockSize))
			h.Write(rest[:n])
			rest = rest[n:]
		}
		leaves, root, total := h.Sum()
		if fmt.Sprint(leaves) != fmt.Sprint(want) || root != Root(want) || total != int64(size) {
			t.Errorf("%d bytes: leaves %v of %d, want %v", size, leaves, total, want)
		}
	}
}

func TestHashAsText(t *testing.T) {
	h := Leaf([]byte("x"))
	text, _ := json.Marshal(h)
	var back Hash
	if err := json.Unmarshal(text, &back); err != nil || back != h || len(text) != 45 {
		t.Errorf("%s: %v %v", text, back, err)
	}
	for _, bad := range []string{`""`, `"AA"`, `"` + h.String() + `="`, `"` + strings.Repeat("!", 43) + `"`, `3`} {
		if json.Unmarshal([]byte(bad), &back) == nil {
			t.Errorf("%s was taken for a hash", bad)
		}
	}
}

func TestEntriesThatLie(t *testing.T) {
	root, text := Leaf([]byte("hi")), Leaf([]byte("hello"))
	for _, e := range []Entry{
		{Path: "a", Size: 2, Root: &root}, {Path: "a/", Size: 0}, {Path: "s", Size: -1, Stream: true}, {Path: "e", Root: &Empty},
		{Path: "t", Size: 5, Root: &text, Inline: "hello"}, {Path: "m", Size: MaxSize, Root: &root},
	} {
		if err := e.Check(); err != nil {
			t.Errorf("%+v: %v", e, err)
		}
	}
	for _, e := range []Entry{
		{Path: "a", Size: 2}, {Path: "a", Size: -1, Root: &root}, {Path: "a", Size: MaxSize + 1, Root: &root}, {Path: "a/", Size: 1},
		{Path: "a/", Root: &root}, {Path: "s", Size: 3, Stream: true}, {Path: "s", Size: -1, Stream: true, Root: &root}, {Path: "s/", Size: -1, Stream: true},
		{Path: "e", Root: &root}, {Path: "t", Size: 4, Root: &text, Inline: "hello"}, {Path: "t", Size: 5, Root: &root, Inline: "hello"},
		{Path: "m", Size: 2, Root: &root, Modified: -1}, {Path: strings.Repeat("x", 1025), Size: 2, Root: &root}, {Path: "y", Size: 2, Root: &root, Type: strings.Repeat("x", 256)},
	} {
		if e.Check() == nil {
			t.Errorf("%+v was accepted", e)
		}
	}
}

func TestContentsDifferWhenTheirEntriesDo(t *testing.T) {
	a, b := Leaf([]byte("a")), Leaf([]byte("b"))
	base := []Entry{{Path: "x", Size: 1, Root: &a}, {Path: "y", Size: 1, Root: &b}}
	seen := map[Hash]string{}
	for name, c := range map[string][]Entry{
		"base": base, "order": {base[1], base[0]}, "path": {{Path: "z", Size: 1, Root: &a}, base[1]}, "size": {{Path: "x", Size: 2, Root: &a}, base[1]},
		"root": {{Path: "x", Size: 1, Root: &b}, base[1]}, "fewer": base[:1], "none": nil, "folder": {base[0], base[1], {Path: "f/"}}, "stream": {base[0], base[1], {Path: "f/", Size: -1, Stream: true}},
	} {
		root := RootOf(c)
		if other, is := seen[root]; is {
			t.Errorf("%s has the root of %s", name, other)
		}
		seen[root] = name
	}
	named := []Entry{{Path: "x", Size: 1, Root: &a, Type: "text/plain", Modified: 5}, base[1]}
	if RootOf(named) != RootOf(base) {
		t.Error("type and time of change are part of the root")
	}
}

func FuzzBitmap(f *testing.F) {
	f.Add(20, []byte{1, 5, 19, 5, 8})
	f.Fuzz(func(t *testing.T, n int, blocks []byte) {
		n = n & 255
		b, model := NewBitmap(n), map[int]bool{}
		for i, x := range blocks {
			block := int(x) % (n + 1)
			if block == n {
				continue
			}
			if i%5 == 4 {
				b.Clear(block)
				delete(model, block)
				continue
			}
			if b.Set(block) == model[block] {
				t.Fatal("Set lies")
			}
			model[block] = true
		}
		copied, merged := BitmapOf(b.Bytes(), n), NewBitmap(n)
		if added := merged.Merge(0, append(bytes.Clone(b.Bytes()), 0xff), n); added < len(model) {
			t.Fatal("Merge loses blocks")
		}
		for i := -3; i < n+3; i++ {
			if b.Has(i) != model[i] || copied.Has(i) != model[i] || model[i] && !merged.Has(i) {
				t.Fatalf("block %d of %v", i, model)
			}
		}
		if b.Count() != len(model) || copied.Count() != len(model) {
			t.Fatalf("count %d, want %d", b.Count(), len(model))
		}
		if BitmapOf([]byte{0xff, 0xff}, n).Count() != min(n, 16) {
			t.Fatal("bits beyond the end count")
		}
	})
}

func FuzzNames(f *testing.F) {
	for _, p := range []string{"a", "a/b", "../a", "/a", "a//b", "C:x", "con.txt", "COM1", "a.", "b ", "Ä\nä", "a\nA\na (2)", "x/\nX", "a\na/b", "e\u0301\n\u00e9", "aux /b", "A/b\na/B", "nul.tar.gz/x"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, lines string) {
		paths := strings.Split(lines, "\n")
		names, err := Names(paths)
		if err != nil {
			if !errors.Is(err, ErrPath) {
				t.Fatalf("%v", err)
			}
			return
		}
		files, folders := map[string]bool{}, map[string]bool{}
		for i, name := range names {
			if len(name) > MaxPath || strings.HasPrefix(name, "/") || strings.ContainsAny(name, "\\\x00<>:\"|?*") {
				t.Fatalf("%q became %q", paths[i], name)
			}
			inside, folder := strings.CutSuffix(name, "/")
			if folder != strings.HasSuffix(paths[i], "/") {
				t.Fatalf("%q became %q", paths[i], name)
			}
			parts := strings.Split(inside, "/")
			for j, part := range parts {
				stem, _, _ := strings.Cut(strings.ToLower(part), ".")
				if part == "" || part == "." || part == ".." || strings.HasSuffix(part, ".") || strings.HasSuffix(part, " ") || reserved[strings.TrimRight(stem, " ")] || len(part) > MaxComponent {
					t.Fatalf("%q became %q", paths[i], name)
				}
				if at := fold(strings.Join(parts[:j+1], "/")); j < len(parts)-1 || folder {
					folders[at] = true
				} else if files[at] {
					t.Fatalf("%q is given twice in %q", name, names)
				} else {
					files[at] = true
				}
			}
		}
		for at := range files {
			if folders[at] {
				t.Fatalf("%q is a file and a folder in %q", at, names)
			}
		}
		if again, err := Names(names); err != nil || fmt.Sprint(again) != fmt.Sprint(names) {
			t.Fatalf("%q become %q, %v", names, again, err)
		}
	})
}

func TestManyAlikePathsCostLittle(t *testing.T) {
	paths := make([]string, MaxEntries)
	for i := range paths {
		paths[i] = "same"
	}
	names, err := Names(paths) // quadratic would take an hour
	if err != nil || names[MaxEntries-1] != "same (100000)" {
		t.Fatalf("%v %v", names[MaxEntries-1], err)
	}
}
