package cinesync_test

import (
	"go/ast"
	"go/types"
	"strings"
)

// flow says which functions a variable may hold: any that is put into it anywhere in what was read, in whatever order. A slice, map or
// channel of functions counts as one variable, and so does a field in all values of its struct. It finds too many rather than too few.
type flow struct {
	w    *walk
	into map[any]map[any]bool // origins, by *types.Var or result
}

// An origin of functions is one of: a function's name (string), a *types.Var, a result, or anyOf.

// result is one of those of a function, by the function's name.
type result struct {
	name string
	at   int
}

// anyOf stands for every function of a signature that is not only called by its name: where from is not known.
type anyOf struct{ sig *types.Signature }

func (f *flow) put(to any, from []any) {
	if to == nil || len(from) == 0 {
		return
	}
	if f.into[to] == nil {
		f.into[to] = map[any]bool{}
	}
	for _, n := range from {
		f.into[to][n] = true
	}
}

// functions are the names of what may be in a variable, or behind what else an origin is.
func (f *flow) functions(origins []any) []string {
	var out []string
	seen := map[any]bool{}
	for queue := origins; len(queue) > 0; {
		n := queue[0]
		queue = queue[1:]
		if seen[n] {
			continue
		}
		seen[n] = true
		switch n := n.(type) {
		case string:
			out = append(out, n)
		case anyOf:
			out = append(out, f.w.held(n.sig)...)
		default:
			for from := range f.into[n] {
				queue = append(queue, from)
			}
		}
	}
	return out
}

// signature is that of a function, or of the functions in a slice, array, map or channel.
func signature(t types.Type) *types.Signature {
	if t == nil {
		return nil
	}
	switch u := t.Underlying().(type) {
	case *types.Signature:
		return u
	case *types.Slice:
		return signature(u.Elem())
	case *types.Array:
		return signature(u.Elem())
	case *types.Map:
		return signature(u.Elem())
	case *types.Chan:
		return signature(u.Elem())
	case *types.Pointer:
		if _, named := u.Elem().(*types.Named); !named {
			return signature(u.Elem())
		}
	}
	return nil
}

// origins are where the functions of an expression come from.
func (f *flow) origins(info *types.Info, e ast.Expr) []any {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return f.origins(info, e.X)
	case *ast.StarExpr:
		return f.origins(info, e.X)
	case *ast.UnaryExpr:
		return f.origins(info, e.X)
	case *ast.SliceExpr:
		return f.origins(info, e.X)
	case *ast.IndexExpr:
		return f.origins(info, e.X)
	case *ast.IndexListExpr:
		return f.origins(info, e.X)
	case *ast.FuncLit:
		return []any{f.w.literals[e]}
	case *ast.CompositeLit:
		var out []any
		for _, elt := range e.Elts {
			if kv, ok := elt.(*ast.KeyValueExpr); ok {
				elt = kv.Value
			}
			out = append(out, f.origins(info, elt)...)
		}
		return out
	case *ast.CallExpr:
		return f.returned(info, e, 0)
	case *ast.Ident:
		return f.object(info.ObjectOf(e))
	case *ast.SelectorExpr:
		return f.object(info.Uses[e.Sel])
	}
	if sig := signature(info.Types[e].Type); sig != nil {
		return []any{anyOf{sig}}
	}
	return nil
}

func (f *flow) object(o types.Object) []any {
	switch o := o.(type) {
	case *types.Func:
		return names(f.w.meant(o))
	case *types.Var:
		if o.Kind() == types.RecvVar { // a function with methods: it may have been an interface before
			return []any{anyOf{signature(o.Type())}}
		}
		return []any{o.Origin()}
	}
	return nil
}

func names(list []string) []any {
	var out []any
	for _, n := range list {
		out = append(out, n)
	}
	return out
}

// returned is the i-th result of a call. A function outside the module gives back what it was given, as a conversion and append do.
func (f *flow) returned(info *types.Info, call *ast.CallExpr, i int) []any {
	var out []any
	fun := info.Types[call.Fun]
	switch callee := calleeOf(info, call); {
	case callee != nil && ours(callee):
		for _, name := range f.w.meant(callee) {
			out = append(out, result{name, i})
		}
		return out
	case callee == nil && fun.IsValue():
		if sig := signature(fun.Type.Underlying().(*types.Signature).Results().At(i).Type()); sig != nil {
			out = append(out, anyOf{sig})
		}
	}
	for _, arg := range call.Args {
		out = append(out, f.funcs(info, arg)...)
	}
	return out
}

// calleeOf is the function or method that a call names, nil for a variable, a conversion or a builtin.
func calleeOf(info *types.Info, call *ast.CallExpr) *types.Func {
	fun := ast.Unparen(call.Fun)
	switch ix := fun.(type) {
	case *ast.IndexExpr:
		fun = ix.X
	case *ast.IndexListExpr:
		fun = ix.X
	}
	var fn *types.Func
	switch fun := fun.(type) {
	case *ast.Ident:
		fn, _ = info.Uses[fun].(*types.Func)
	case *ast.SelectorExpr:
		fn, _ = info.Uses[fun.Sel].(*types.Func)
	}
	return fn
}

func ours(o types.Object) bool {
	return o.Pkg() != nil && strings.HasPrefix(o.Pkg().Path()+"/", module)
}

// read takes in everything that puts functions somewhere: assignments, arguments, fields, results.
func (f *flow) read(name string, decl ast.Node, info *types.Info) {
	if d, ok := decl.(*ast.FuncDecl); ok {
		f.namedResults(name, info.Defs[d.Name].(*types.Func).Signature())
	}
	ast.Inspect(decl, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			if inner := f.w.literals[n]; inner != name { // whose returns are its own
				f.namedResults(inner, info.Types[n].Type.(*types.Signature))
				f.read(inner, n, info)
				return false
			}
		case *ast.AssignStmt:
			f.assign(info, n.Lhs, n.Rhs)
		case *ast.ValueSpec:
			var left []ast.Expr
			for _, id := range n.Names {
				left = append(left, id)
			}
			f.assign(info, left, n.Values)
		case *ast.RangeStmt:
			for _, to := range []ast.Expr{n.Key, n.Value} {
				if to != nil {
					f.store(info, to, f.origins(info, n.X))
				}
			}
		case *ast.SendStmt:
			f.store(info, n.Chan, f.funcs(info, n.Value))
		case *ast.ReturnStmt:
			f.give(info, name, n)
		case *ast.CompositeLit:
			f.fields(info, n)
		case *ast.CallExpr:
			f.arguments(info, n)
		}
		return true
	})
}

// funcs are the origins of an expression of functions.
func (f *flow) funcs(info *types.Info, e ast.Expr) []any {
	if signature(info.TypeOf(e)) == nil {
		return nil
	}
	return f.origins(info, e)
}

// store puts functions into what stands to the left of an assignment.
func (f *flow) store(info *types.Info, to ast.Expr, from []any) {
	for _, o := range f.funcs(info, to) {
		if v, ok := o.(*types.Var); ok {
			f.put(v, from)
		}
	}
}

func (f *flow) assign(info *types.Info, left, right []ast.Expr) {
	for i, to := range left {
		switch call, ok := first(right).(*ast.CallExpr); {
		case len(right) == len(left):
			f.store(info, to, f.funcs(info, right[i]))
		case ok:
			f.store(info, to, f.returned(info, call, i))
		case len(right) == 1:
			f.store(info, to, f.origins(info, right[0])) // v, ok
		}
	}
}

func first(list []ast.Expr) ast.Expr {
	if len(list) == 0 {
		return nil
	}
	return ast.Unparen(list[0])
}

func (f *flow) namedResults(name string, sig *types.Signature) {
	for i := range sig.Results().Len() {
		if v := sig.Results().At(i); v.Name() != "" && signature(v.Type()) != nil {
			f.put(result{name, i}, []any{v})
		}
	}
}

func (f *flow) give(info *types.Info, name string, ret *ast.ReturnStmt) {
	if call, ok := first(ret.Results).(*ast.CallExpr); ok && len(ret.Results) == 1 {
		if tuple, ok := info.Types[call].Type.(*types.Tuple); ok {
			for i := range tuple.Len() {
				if signature(tuple.At(i).Type()) != nil {
					f.put(result{name, i}, f.returned(info, call, i))
				}
			}
			return
		}
	}
	for i, e := range ret.Results {
		f.put(result{name, i}, f.funcs(info, e))
	}
}

func (f *flow) fields(info *types.Info, lit *ast.CompositeLit) {
	t := info.Types[lit].Type
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return
	}
	for i, elt := range lit.Elts {
		if kv, ok := elt.(*ast.KeyValueExpr); ok {
			f.store(info, kv.Key, f.funcs(info, kv.Value))
		} else {
			f.put(s.Field(i).Origin(), f.funcs(info, elt))
		}
	}
}

// arguments go into the parameters of whatever may be called.
func (f *flow) arguments(info *types.Info, call *ast.CallExpr) {
	fun := info.Types[call.Fun]
	if fun.IsType() || fun.IsBuiltin() {
		return
	}
	for i, arg := range call.Args {
		from := f.funcs(info, arg)
		if len(from) == 0 {
			continue
		}
		callees := f.w.held(signature(fun.Type))
		if fn := calleeOf(info, call); fn != nil {
			callees = f.w.meant(fn)
		} else if lit, ok := ast.Unparen(call.Fun).(*ast.FuncLit); ok {
			callees = []string{f.w.literals[lit]}
		}
		for _, name := range callees {
			if b := f.w.bodies[name]; b != nil && b.sig.Params().Len() > 0 {
				f.put(b.sig.Params().At(min(i, b.sig.Params().Len()-1)), from)
			}
		}
	}
}
