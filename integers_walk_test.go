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

const module = "github.com/cinesync/cinesync/"

// listed are packages as the go command tells of them, in the order of their imports.
type listed struct {
	packages []listedPackage
	compiled map[string]string // export data by import path
	fset     *token.FileSet
	rest     types.Importer // of what is not ours
}

type listedPackage struct {
	ImportPath, Export, Dir string
	GoFiles, SFiles         []string
}

func list(t *testing.T, patterns ...string) *listed {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-export", "-deps", "-json=ImportPath,Export,Dir,GoFiles,SFiles"}, patterns...)...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("list packages: %v\n%s", err, &complaint)
	}
	l := &listed{compiled: map[string]string{}, fset: token.NewFileSet()}
	l.rest = importer.ForCompiler(l.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(l.compiled[path]) })
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listedPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return l
		} else if err != nil {
			t.Fatal(err)
		}
		l.compiled[p.ImportPath] = p.Export
		if strings.HasPrefix(p.ImportPath, module) {
			l.packages = append(l.packages, p)
		}
	}
}

// walk is the module's typed syntax.
type walk struct {
	fset   *token.FileSet
	bodies map[string]*body    // by name: "room.Func", "room.(*Type).Func", or for a function without a name that of the one around it and a number
	asm    map[string][]string // the instructions of functions that are not Go, by name
	named  []*types.Named      // to find what is behind an interface
	values []value             // functions that are not only called by their names, to find what is behind a variable
	behind map[*types.Func][]string
	flow   *flow

	literals map[*ast.FuncLit]string
	count    map[string]int // of the literals in a declaration
	unread   []declaration
}

// declaration is one whose assignments are still to be read, once every package is there.
type declaration struct {
	name string
	node ast.Node
	info *types.Info
}

type body struct {
	node ast.Node // of the declaration, or the literal
	info *types.Info
	sig  *types.Signature
	asm  bool
}

// value is a function that some variable may hold.
type value struct {
	name string
	sig  *types.Signature
}

func newWalk(fset *token.FileSet) *walk {
	w := &walk{fset: fset, bodies: map[string]*body{}, asm: map[string][]string{}, behind: map[*types.Func][]string{}, literals: map[*ast.FuncLit]string{}, count: map[string]int{}}
	w.flow = &flow{w, map[any]map[any]bool{}}
	return w
}

// typed reads the module's packages from source, with changed files (room/file.go) in place of those on disk, and everything else as compiled.
func (l *listed) typed(t *testing.T, changed map[string]string) *walk {
	t.Helper()
	w := newWalk(l.fset)
	ours := &inModule{map[string]*types.Package{}, l.rest}
	for _, p := range l.packages {
		room, files := strings.TrimPrefix(p.ImportPath, module), map[string]any{}
		for _, f := range p.GoFiles {
			files[filepath.Join(p.Dir, f)] = nil
			if text, ok := changed[room+"/"+f]; ok {
				files[filepath.Join(p.Dir, f)] = text
			}
		}
		ours.done[p.ImportPath] = w.check(t, room, files, ours)
		for _, f := range p.SFiles {
			text, ok := changed[room+"/"+f]
			if !ok {
				b, err := os.ReadFile(filepath.Join(p.Dir, f))
				if err != nil {
					t.Fatal(err)
				}
				text = string(b)
			}
			w.readAssembly(room, text)
		}
	}
	w.connect()
	return w
}

// readAssembly notes the instructions of every function of an assembly file.
func (w *walk) readAssembly(room, text string) {
	name := ""
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "//")
		if f := strings.Fields(line); len(f) > 0 && f[0] == "TEXT" {
			name, _, _ = strings.Cut(strings.TrimPrefix(f[1], "·"), "(")
			name = room + "." + name
		} else if len(f) > 0 && name != "" && !strings.HasSuffix(f[0], ":") && f[0] != "DATA" && f[0] != "GLOBL" {
			w.asm[name] = append(w.asm[name], f[0])
		}
	}
}

// integerInstructions are all that assembly on the path may use: moves, jumps, and arithmetic of integers.
var integerInstructions = []string{
	"MOVQ", "XORQ", "ADDQ", "CMPQ", "JLT", "RET", "VZEROUPPER", "VMOVQ", "VMOVDQU", "VMOVDQU32", "VPXOR", "VPXORD", "VPSRLQ", "VPMULDQ", "VPADDQ", "VPADDD",
	"VPSHUFD", "VEXTRACTI128", "VEXTRACTI64X4",
	// package ring: of words, bits and bytes; AES
	"MOVL", "XORL", "SHRL", "ANDL", "MOVB", "SHLQ", "SUBQ", "DECQ", "JEQ", "JGE", "JNZ", "CPUID", "KMOVW", "VMOVD", "VMOVDQA32", "VPSUBD", "VPSLLD", "VPSRLD", "VPROLD", "VPSLLDQ", "VPADDD.BCST", "VMOVDQU32.Z",
	"VPSHUFB", "VPERMD", "VPERM2I128", "VPMOVZXWD", "VINSERTI128", "VBROADCASTI128", "VBROADCASTI32X4", "VPBROADCASTD", "VPBROADCASTQ", "VSHUFI32X4",
	"VPUNPCKLDQ", "VPUNPCKHDQ", "VPUNPCKLQDQ", "VPUNPCKHQDQ", "VAESENC", "VAESENCLAST", "VAESKEYGENASSIST",
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
			if fn, ok := d.(*ast.FuncDecl); ok {
				f := info.Defs[fn.Name].(*types.Func)
				w.bodies[nameOf(f)] = &body{fn, info, f.Signature(), fn.Body == nil}
				w.unread = append(w.unread, declaration{nameOf(f), fn, info})
			} else {
				w.unread = append(w.unread, declaration{room, d, info})
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

// connect finds which function a variable may hold, once everything is read.
func (w *walk) connect() {
	for _, d := range w.unread {
		w.remember(d)
	}
	for _, d := range w.unread {
		w.flow.read(d.name, d.node, d.info)
	}
	w.unread = nil
}

// remember notes the functions of a declaration that variables may hold: literals and named functions that are not called on the spot.
func (w *walk) remember(d declaration) {
	called := map[ast.Expr]bool{}
	ast.Inspect(d.node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			fun := ast.Unparen(n.Fun)
			called[fun] = true
			if s, ok := fun.(*ast.SelectorExpr); ok {
				called[s.Sel] = true
			}
		case *ast.FuncLit:
			w.count[d.name]++
			inner, sig := fmt.Sprintf("%s func%d", d.name, w.count[d.name]), d.info.Types[n].Type.(*types.Signature)
			w.bodies[inner], w.literals[n] = &body{n, d.info, sig, false}, inner
			if !called[n] {
				w.values = append(w.values, value{inner, sig})
			}
		case *ast.Ident:
			if f, ok := d.info.Uses[n].(*types.Func); ok && !called[n] {
				for _, m := range w.meant(f) {
					w.values = append(w.values, value{m, f.Signature()})
				}
			}
		}
		return true
	})
}

// nameOf is "room.Func" or "room.(*Type).Func".
func nameOf(f *types.Func) string {
	f = f.Origin()
	recv := f.Signature().Recv()
	if recv == nil || f.Pkg() == nil {
		return strings.TrimPrefix(f.FullName(), module)
	}
	typ, star := recv.Type(), ""
	if p, ok := typ.(*types.Pointer); ok {
		typ, star = p.Elem(), "*"
	}
	n, ok := typ.(*types.Named)
	if !ok {
		return f.FullName()
	}
	return fmt.Sprintf("%s.(%s%s).%s", strings.TrimPrefix(f.Pkg().Path(), module), star, n.Obj().Name(), f.Name())
}

// reach lists the functions of the module that roots call, directly or not, themselves included, each with those that call it.
func (w *walk) reach(roots []string) map[string][]string {
	reached := map[string][]string{}
	queue := slices.Clone(roots)
	for _, root := range roots {
		reached[root] = nil
	}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		for callee := range w.callees(name, slices.Contains(roots, name)) {
			if w.bodies[callee] == nil {
				continue
			}
			callers, seen := reached[callee]
			reached[callee] = append(callers, name)
			if !seen {
				queue = append(queue, callee)
			}
		}
	}
	return reached
}

// callees are the functions that a body names, and those that may be behind what it names.
func (w *walk) callees(name string, root bool) map[string]bool {
	out, b := map[string]bool{}, w.bodies[name]
	add := func(names []string) {
		for _, n := range names {
			out[n] = true
		}
	}
	ast.Inspect(b.node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if f, ok := b.info.Uses[n].(*types.Func); ok {
				add(w.meant(f))
				if !ours(f) {
					add(w.handed(f.Signature().Params()))
				}
			}
		case *ast.CompositeLit: // of a struct outside, which may call what it holds
			if t, ok := b.info.Types[n].Type.(*types.Named); ok && !ours(t.Obj()) {
				if s, ok := t.Underlying().(*types.Struct); ok {
					add(w.handed(types.NewTuple(slices.Collect(s.Fields())...)))
				}
			}
		}
		if e, ok := n.(ast.Expr); ok && e != b.node {
			if holds(b.info, e) && (root || !parameter(b, e)) {
				add(w.flow.functions(w.flow.origins(b.info, e)))
			}
		}
		return true
	})
	return out
}

// holds reports whether an expression is a function, or several, of which the name need not be in it.
func holds(info *types.Info, e ast.Expr) bool {
	if tv := info.Types[e]; !tv.IsValue() || tv.IsBuiltin() || signature(tv.Type) == nil {
		return false
	}
	switch e.(type) {
	case *ast.Ident, *ast.SelectorExpr, *ast.IndexExpr, *ast.CallExpr, *ast.UnaryExpr, *ast.StarExpr, *ast.TypeAssertExpr:
		return true
	}
	return false
}

// parameter reports whether e is a parameter of this function: what callers put there they name themselves.
func parameter(b *body, e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	if !ok {
		return false
	}
	v, ok := b.info.Uses[id].(*types.Var)
	return ok && v.Kind() == types.ParamVar && b.node.Pos() <= v.Pos() && v.Pos() < b.node.End()
}

// held are the functions of a signature that some variable may hold.
func (w *walk) held(sig *types.Signature) []string {
	var out []string
	for _, v := range w.values {
		if types.Identical(v.sig, sig) {
			out = append(out, v.name)
		}
	}
	return out
}

// handed are the methods that what is outside the module may call of what it is given.
func (w *walk) handed(given *types.Tuple) []string {
	var out []string
	for v := range given.Variables() {
		if face, ok := v.Type().Underlying().(*types.Interface); ok {
			for m := range face.Methods() {
				out = append(out, w.meant(m)...)
			}
		}
	}
	return out
}

// meant is a function's name; behind an interface's method, every method of the module that can be meant.
func (w *walk) meant(f *types.Func) []string {
	recv := f.Signature().Recv()
	if recv == nil || !types.IsInterface(recv.Type()) {
		return []string{nameOf(f)}
	}
	if out, ok := w.behind[f]; ok {
		return out
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
	w.behind[f] = out
	return out
}

// floats lists the expressions of a function whose type is a float or a complex number.
func (w *walk) floats(name string) []string {
	var out []string
	b := w.bodies[name]
	if b.asm {
		if w.asm[name] == nil {
			return []string{name + " is not Go: nobody sees what it computes with"}
		}
		for _, instruction := range w.asm[name] {
			if !slices.Contains(integerInstructions, instruction) {
				out = append(out, fmt.Sprintf("%s computes with %s, which is not among integerInstructions", name, instruction))
			}
		}
		return out
	}
	own := map[ast.Node]bool{}
	ast.Inspect(b.node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			own[n.Type] = true
		case *ast.FuncLit:
			own[n.Type] = true
		case *ast.FuncType:
			return own[n] // a function that is only handed on is looked at where it stands
		}
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		typ := b.info.Types[e].Type
		if id, ok := e.(*ast.Ident); ok && typ == nil && b.info.Defs[id] != nil {
			typ = b.info.Defs[id].Type()
		}
		if f := float(typ); f != "" {
			out = append(out, fmt.Sprintf("%s: %s computes with %s", w.fset.Position(e.Pos()), name, f))
			return false
		}
		return true
	})
	return out
}

// float names the float in a type that consists of such: in its elements, or among several results.
func float(t types.Type) string {
	if t == nil {
		return ""
	}
	if n, ok := t.(*types.Named); ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "math/big" && n.Obj().Name() == "Float" {
		return "big.Float"
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		if u.Info()&(types.IsFloat|types.IsComplex) != 0 {
			return u.Name()
		}
	case *types.Slice:
		return float(u.Elem())
	case *types.Array:
		return float(u.Elem())
	case *types.Chan:
		return float(u.Elem())
	case *types.Map:
		return float(u.Key()) + float(u.Elem())
	case *types.Pointer:
		if _, named := u.Elem().(*types.Named); named {
			return ""
		}
		return float(u.Elem())
	case *types.Tuple:
		for v := range u.Variables() {
			if f := float(v.Type()); f != "" {
				return f
			}
		}
	}
	return ""
}
