package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// impureImports bring in what a pure package has not: a lock, a log, randomness, the system. Sockets are all of net but netip.
var impureImports = []string{"context", "crypto/rand", "log", "log/slog", "math/rand", "math/rand/v2", "os", "os/exec", "runtime", "sync", "sync/atomic", "syscall"}

// clock is what package time has besides types and arithmetic.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// impurity says what in the file a pure package has not, by its position.
func impurity(f *ast.File, report func(at token.Pos, what string)) {
	for _, spec := range f.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		socket := name == "net" || strings.HasPrefix(name, "net/") && name != "net/netip"
		if err != nil || socket || slices.Contains(impureImports, name) {
			report(spec.Pos(), "imports "+name)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			report(n.Pos(), "starts a goroutine")
		case *ast.ChanType:
			report(n.Pos(), "has a channel")
		case *ast.SelectorExpr:
			if of, ok := n.X.(*ast.Ident); ok && of.Name == "time" && slices.Contains(clock, n.Sel.Name) {
				report(n.Pos(), "reads the clock: time."+n.Sel.Name)
			}
		}
		return true
	})
}

func TestPurePackages(t *testing.T) {
	found, fset := packages(t)
	for name, r := range rules {
		if !r.pure || found[name] == nil {
			continue
		}
		for _, f := range found[name].files {
			impurity(f, func(at token.Pos, what string) { t.Errorf("%s: %s %s: it is pure", fset.Position(at), name, what) })
		}
	}
}

func TestImpurityIsSeen(t *testing.T) {
	const source = `package p
import ("net"; "net/netip"; "sync"; "time")
var a netip.Addr
var d time.Duration = time.Second
func f(ch chan int) { go f(nil); _ = time.Now; time.Sleep(d) }`
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	impurity(f, func(_ token.Pos, what string) { got = append(got, what) })
	want := []string{"imports net", "imports sync", "has a channel", "starts a goroutine", "reads the clock: time.Now", "reads the clock: time.Sleep"}
	if !slices.Equal(got, want) {
		t.Fatalf("saw %q, want %q", got, want)
	}
}
