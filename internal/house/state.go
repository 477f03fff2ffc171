package house

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// checkState checks that package variables hold errors and tables: none is written after it was declared, none waits for
// a value, and nothing runs before main. It reads syntax alone, so it misses a write through a pointer or a method; it is
// a fence, not a proof.
func (h *House) checkState(tree Tree) []string {
	var problems []string
	for _, p := range tree.packages() {
		variables := map[string]bool{}
		for _, f := range p.files {
			if f.Test {
				continue
			}
			for _, declaration := range f.tree.Decls {
				if function, ok := declaration.(*ast.FuncDecl); ok && function.Recv == nil && function.Name.Name == "init" {
					problems = append(problems, fmt.Sprintf("%s: an init function; let main or a constructor do it", f.at(function.Pos())))
				}
				problems = append(problems, declare(f, declaration, variables)...)
			}
		}
		for _, f := range p.files {
			if !f.Test {
				problems = append(problems, writes(f, variables)...)
			}
		}
	}
	return problems
}

// declare notes the package variables of a declaration and reports those without a value.
func declare(f File, declaration ast.Decl, variables map[string]bool) []string {
	general, ok := declaration.(*ast.GenDecl)
	if !ok || general.Tok != token.VAR {
		return nil
	}
	var problems []string
	for _, spec := range general.Specs {
		value := spec.(*ast.ValueSpec)
		for _, name := range value.Names {
			if name.Name == "_" {
				continue
			}
			variables[name.Name] = true
			if len(value.Values) == 0 && !embedded(general.Doc) && !embedded(value.Doc) {
				problems = append(problems, fmt.Sprintf("%s: package variable %s without a value can only be there to change; pass it", f.at(name.Pos()), name.Name))
			}
		}
	}
	return problems
}

func embedded(doc *ast.CommentGroup) bool {
	if doc == nil {
		return false
	}
	for _, c := range doc.List {
		if strings.HasPrefix(c.Text, "//go:embed ") {
			return true
		}
	}
	return false
}

// writes reports assignments to package variables, or to parts of them.
func writes(f File, variables map[string]bool) []string {
	var problems []string
	target := func(e ast.Expr) {
		if root := rootOf(e); root != nil && variables[root.Name] && (root.Obj == nil || f.tree.Scope.Lookup(root.Name) == root.Obj) {
			problems = append(problems, fmt.Sprintf("%s: writes package variable %s; make it a field of something that is passed", f.at(e.Pos()), root.Name))
		}
	}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if n.Tok != token.DEFINE {
					target(left)
				}
			}
		case *ast.IncDecStmt:
			target(n.X)
		}
		return true
	})
	return problems
}

// rootOf finds the variable that an expression is a part of: v in v.f[i].
func rootOf(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}
