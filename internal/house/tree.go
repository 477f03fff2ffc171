package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// File is one Go file, parsed and not type-checked.
type File struct {
	Dir  string // of the package, relative to the module's root with slashes; "." is the root
	Path string // relative to the module's root
	Test bool   // a _test.go file

	set  *token.FileSet
	tree *ast.File
}

// Tree is all Go files of a module, in the order of their paths.
type Tree []File

// Read parses every Go file below fsys. Folders whose names start with "." or "_", testdata and vendored copies are no
// packages and are left out, as the go command does.
func Read(fsys fs.FS) (Tree, error) {
	var tree Tree
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != "." && outOfTree(entry.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" || outOfTree(entry.Name()) {
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		file, err := Parse(name, string(text))
		if err != nil {
			return err
		}
		tree = append(tree, file)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the tree: %w", err)
	}
	return tree, nil
}

// Parse parses one file; name is its path relative to the module's root.
func Parse(name, text string) (File, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, name, text, parser.ParseComments)
	if err != nil {
		return File{}, fmt.Errorf("parse %s: %w", name, err)
	}
	return File{Dir: path.Dir(name), Path: name, Test: strings.HasSuffix(name, "_test.go"), set: set, tree: tree}, nil
}

func outOfTree(base string) bool {
	return strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "vendor" || base == "node_modules"
}

// at names a place in the file.
func (f File) at(pos token.Pos) string {
	return fmt.Sprintf("%s:%d", f.Path, f.set.Position(pos).Line)
}

// imports returns the import paths of the file.
func (f File) imports() []string {
	var paths []string
	for _, spec := range f.tree.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// use is one mention of a name of an imported package, such as Now in time.Now.
type use struct {
	name string
	pos  token.Pos
}

// uses returns every mention of a name of the package with the given import path, calls and plain references alike. A
// dot import is returned as the name ".", since its uses cannot be told apart by syntax.
func (f File) uses(importPath string) []use {
	var found []use
	var locals []string
	for _, spec := range f.tree.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err != nil || p != importPath {
			continue
		}
		local := packageName(importPath)
		if spec.Name != nil {
			local = spec.Name.Name
		}
		if local == "." {
			found = append(found, use{".", spec.Pos()})
		}
		locals = append(locals, local)
	}
	if locals == nil {
		return nil
	}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		// An identifier that the parser resolved is a variable of the same name, not the package.
		if x, ok := selector.X.(*ast.Ident); ok && x.Obj == nil && slices.Contains(locals, x.Name) {
			found = append(found, use{selector.Sel.Name, selector.Pos()})
		}
		return true
	})
	return found
}

// packageName guesses the name of a standard package from its path: math/rand/v2 is rand.
func packageName(importPath string) string {
	base := path.Base(importPath)
	if len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" {
		base = path.Base(path.Dir(importPath))
	}
	return base
}

// packages returns the folders of the tree in order, each with its files.
func (t Tree) packages() []folder {
	var folders []folder
	index := map[string]int{}
	for _, f := range t {
		i, ok := index[f.Dir]
		if !ok {
			i = len(folders)
			index[f.Dir] = i
			folders = append(folders, folder{dir: f.Dir})
		}
		folders[i].files = append(folders[i].files, f)
	}
	return folders
}

type folder struct {
	dir   string
	files []File
}
