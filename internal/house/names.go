package house

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// nameless are names that say nothing about what a package owns.
var nameless = []string{"util", "utils", "common", "core", "pkg", "helper", "helpers", "types", "manager", "service", "misc", "base", "shared"}

// sections are the four questions that a package comment answers, in this order.
var sections = []string{"\nOwns: ", "\nPromises: ", "\nNever: ", "\nStart here: "}

// checkNames checks that folders and packages are named for what they own.
func (h *House) checkNames(tree Tree) []string {
	var problems []string
	for _, p := range tree.packages() {
		for _, part := range strings.Split(p.dir, "/") {
			if slices.Contains(nameless, part) {
				problems = append(problems, fmt.Sprintf("%s: %q says nothing about what is in it", p.dir, part))
			}
		}
		for _, f := range p.files {
			if name := strings.TrimSuffix(f.tree.Name.Name, "_test"); slices.Contains(nameless, name) {
				problems = append(problems, fmt.Sprintf("%s: package name %q says nothing about what is in it", f.Path, name))
			}
		}
	}
	return problems
}

// checkComments checks that each package introduces itself once: a first sentence and the four sections.
func (h *House) checkComments(tree Tree) []string {
	var problems []string
	for _, p := range tree.packages() {
		var comments []File
		onlyTests := !slices.ContainsFunc(p.files, func(f File) bool { return !f.Test })
		for _, f := range p.files {
			if f.tree.Doc != nil && (!f.Test || onlyTests) {
				comments = append(comments, f)
			}
		}
		if len(comments) != 1 {
			problems = append(problems, fmt.Sprintf("%s: has %d package comments, wants one", p.dir, len(comments)))
		}
		for _, f := range comments {
			problems = append(problems, comment(f)...)
		}
	}
	return problems
}

func comment(f File) []string {
	text := f.tree.Doc.Text()
	first := "Package " + strings.TrimSuffix(f.tree.Name.Name, "_test") + " "
	if f.tree.Name.Name == "main" {
		first = "Command " + path.Base(f.Dir) + " "
	}
	if !strings.HasPrefix(text, first) {
		return []string{fmt.Sprintf("%s: the package comment wants to begin with %q", f.Path, first)}
	}
	for _, section := range sections {
		_, rest, ok := strings.Cut(text, section)
		if !ok {
			return []string{fmt.Sprintf("%s: the package comment wants a paragraph %q; the order is Owns, Promises, Never, Start here", f.Path, section[1:])}
		}
		text = "\n" + rest
	}
	return nil
}

// checkExports checks that each exported name of a package has a sentence. Names of one var, const or type group may
// share the group's; methods that only satisfy an interface of the standard library need none.
func (h *House) checkExports(tree Tree) []string {
	var problems []string
	missing := func(f File, name *ast.Ident) {
		problems = append(problems, fmt.Sprintf("%s: exported %s has no sentence: shapes, units, errors, source", f.at(name.Pos()), name.Name))
	}
	for _, f := range tree {
		if f.Test || f.tree.Name.Name == "main" {
			continue
		}
		for _, declaration := range f.tree.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || exportedReceiver(d) && !slices.Contains(understood, d.Name.Name)) {
					missing(f, d.Name)
				}
			case *ast.GenDecl:
				for _, name := range undocumented(d) {
					missing(f, name)
				}
			}
		}
	}
	return problems
}

// understood are methods whose meaning the standard library fixes.
var understood = []string{"String", "GoString", "Format", "LogValue", "Error", "Unwrap", "Is", "As", "Read", "Write", "Close",
	"Len", "Less", "Swap", "MarshalBinary", "UnmarshalBinary", "MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText", "ServeHTTP"}

func exportedReceiver(d *ast.FuncDecl) bool {
	receiver := d.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	if index, ok := receiver.(*ast.IndexExpr); ok {
		receiver = index.X
	}
	name, ok := receiver.(*ast.Ident)
	return ok && name.IsExported()
}

// undocumented returns the exported names of a declaration that have no sentence, nor a group that has one.
func undocumented(d *ast.GenDecl) []*ast.Ident {
	var names []*ast.Ident
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
				names = append(names, s.Name)
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
					names = append(names, name)
				}
			}
		}
	}
	return names
}
