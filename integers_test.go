package cinesync_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// integerPath begins where rounding ends on the device (step 3 of the privacy specification's section 3) and ends with the sum that
// is published by its hash. Whatever these functions call in the module is on the path too.
var integerPath = []string{
	"aggregation.spend",                  // the exact check of Σx²
	"client/participant.noised",          // noise on the device
	"client/participant.masked",          // its mask
	"client/participant.(*Machine).more", // what leaves
	"coordinator.(*folder).fold",         // the sum
	"coordinator.(*folder).unmask",       // without masks
	"aggregation.Signed",                 // as signed integers
	"aggregation.SumHash",                // and published
}

// TestNoFloatBetweenRoundingAndSum reads the types of every expression on the path: a float there would round once more, by rules
// that no proof of privacy knows.
func TestNoFloatBetweenRoundingAndSum(t *testing.T) {
	w := typed(t, "./coordinator", "./client/participant")
	for _, root := range integerPath {
		if w.bodies[root] == nil {
			t.Errorf("%s is on the list and not in the code: name what took its place", root)
		}
	}
	reached := w.reach(integerPath)
	for _, must := range []string{"privacy.(*Gaussian).Sample", "aggregation.(*CPUAccumulator).AddVector", "aggregation.(*CPUAccumulator).AddMasks", "aggregation.Pack",
		"coordinator/round.Settle"} {
		if !slices.Contains(reached, must) {
			t.Errorf("%s is not reached, though it is between rounding and sum: the walk has a hole", must)
		}
	}
	for _, name := range reached {
		for _, complaint := range w.floats(name) {
			t.Error(complaint)
		}
	}
	t.Logf("%d functions", len(reached))
}

// TestFloatsAreFound: the walk finds floats in what is called, in methods behind interfaces, and in constants; and stays off what is not called.
func TestFloatsAreFound(t *testing.T) {
	const source = `package p
type face interface{ do() int }
type one struct{}
func (one) do() int { return int(float64(3)) }
func root(f face) int { return f.do() + helper(1) }
func helper(v int) int { return func() int { return v * int(half*4) }() }
const half = 0.5
func away() float64 { return 2.5 }
func clean(v int) int { return v + 1<<3 }
`
	w := &walk{fset: token.NewFileSet(), bodies: map[string]*body{}}
	w.check(t, "p", map[string]any{"p.go": source}, nil)
	for root, want := range map[string]int{"p.root": 2, "p.clean": 0} {
		var in []string
		for _, name := range w.reach([]string{root}) {
			if len(w.floats(name)) > 0 {
				in = append(in, name)
			}
		}
		if len(in) != want {
			t.Errorf("from %s floats were found in %v, want %d functions", root, in, want)
		}
	}
}

const module = "github.com/cinesync/cinesync/"

// walk is the module's typed syntax.
type walk struct {
	fset   *token.FileSet
	bodies map[string]*body // by name, "room.Func" or "room.(*Type).Func"
	named  []*types.Named   // to find what is behind an interface
}

type body struct {
	decl *ast.FuncDecl
	info *types.Info
}

// typed reads the module's packages below the patterns from source, in the order of their imports, and everything else as compiled.
func typed(t *testing.T, patterns ...string) *walk {
	t.Helper()
	list := exec.Command("go", append([]string{"list", "-export", "-deps", "-json=ImportPath,Export,Dir,GoFiles"}, patterns...)...)
	var complaint bytes.Buffer
	list.Stderr = &complaint
	out, err := list.Output()
	if err != nil {
		t.Fatalf("list packages: %v\n%s", err, &complaint)
	}
	w := &walk{fset: token.NewFileSet(), bodies: map[string]*body{}}
	compiled := map[string]string{}
	ours := &inModule{done: map[string]*types.Package{}}
	ours.rest = importer.ForCompiler(w.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(compiled[path]) })
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Export, Dir string
			GoFiles                 []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return w
		} else if err != nil {
			t.Fatal(err)
		}
		compiled[p.ImportPath] = p.Export
		if room, ok := strings.CutPrefix(p.ImportPath, module); ok {
			files := map[string]any{}
			for _, f := range p.GoFiles {
				files[filepath.Join(p.Dir, f)] = nil
			}
			ours.done[p.ImportPath] = w.check(t, room, files, ours)
		}
	}
}

// inModule imports our packages as they were read, so that a function is the same object wherever it is named.
type inModule struct {
	done map[string]*types.Package
	rest types.Importer
}

func (m *inModule) Import(path string) (*types.Package, error) {
	if p := m.done[path]; p != nil {
		return p, nil
	}
	return m.rest.Import(path)
}

// check types one package and remembers its functions.
func (w *walk) check(t *testing.T, room string, files map[string]any, imports types.Importer) *types.Package {
	t.Helper()
	var parsed []*ast.File
	for name, source := range files {
		f, err := parser.ParseFile(w.fset, name, source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	pkg, err := (&types.Config{Importer: imports}).Check(module+room, w.fset, parsed, info)
	if err != nil {
		t.Fatalf("type %s: %v", room, err)
	}
	for _, f := range parsed {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				w.bodies[nameOf(info.Defs[fn.Name].(*types.Func))] = &body{fn, info}
			}
		}
	}
	for _, name := range pkg.Scope().Names() {
		if tn, ok := pkg.Scope().Lookup(name).(*types.TypeName); ok && !tn.IsAlias() {
			if n, ok := tn.Type().(*types.Named); ok && n.TypeParams() == nil {
				w.named = append(w.named, n)
			}
		}
	}
	return pkg
}

// nameOf is "room.Func" or "room.(*Type).Func".
func nameOf(f *types.Func) string {
	return strings.NewReplacer("("+module, "(", module, "").Replace(roomFirst(f))
}

func roomFirst(f *types.Func) string {
	recv := f.Signature().Recv()
	if recv == nil || f.Pkg() == nil {
		return f.Origin().FullName()
	}
	typ, star := recv.Type(), ""
	if p, ok := typ.(*types.Pointer); ok {
		typ, star = p.Elem(), "*"
	}
	if n, ok := typ.(*types.Named); ok {
		return fmt.Sprintf("%s.(%s%s).%s", f.Pkg().Path(), star, n.Obj().Name(), f.Name())
	}
	return f.FullName()
}

// reach lists the functions of the module that roots call, directly or not, themselves included; behind an interface's method, every
// method of the module that can be meant.
func (w *walk) reach(roots []string) []string {
	seen := map[string]bool{}
	queue := slices.Clone(roots)
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		b := w.bodies[name]
		if seen[name] || b == nil {
			continue
		}
		seen[name] = true
		ast.Inspect(b.decl.Body, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				if f, ok := b.info.Uses[id].(*types.Func); ok {
					queue = append(queue, w.meant(f)...)
				}
			}
			return true
		})
	}
	var out []string
	for name := range seen {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func (w *walk) meant(f *types.Func) []string {
	recv := f.Signature().Recv()
	if recv == nil || !types.IsInterface(recv.Type()) {
		return []string{nameOf(f)}
	}
	var out []string
	face := recv.Type().Underlying().(*types.Interface)
	for _, n := range w.named {
		if p := types.NewPointer(n); !types.IsInterface(n) && types.Implements(p, face) {
			if m, _, _ := types.LookupFieldOrMethod(p, true, f.Pkg(), f.Name()); m != nil {
				out = append(out, nameOf(m.(*types.Func)))
			}
		}
	}
	return out
}

// floats lists the expressions of a function whose type is a float or a complex number.
func (w *walk) floats(name string) []string {
	var out []string
	b := w.bodies[name]
	ast.Inspect(b.decl, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		if basic, ok := under(b.info.Types[e].Type).(*types.Basic); ok && basic.Info()&(types.IsFloat|types.IsComplex) != 0 {
			out = append(out, fmt.Sprintf("%s: %s computes with %s", w.fset.Position(e.Pos()), name, basic))
			return false
		}
		return true
	})
	return out
}

// under is the type of an expression's elements, if it has such, or its own.
func under(t types.Type) types.Type {
	switch t := t.(type) {
	case nil:
		return nil
	default:
		switch u := t.Underlying().(type) {
		case *types.Slice:
			return under(u.Elem())
		case *types.Array:
			return under(u.Elem())
		case *types.Pointer:
			if _, named := u.Elem().(*types.Named); named {
				return u
			}
			return under(u.Elem())
		default:
			return u
		}
	}
}
