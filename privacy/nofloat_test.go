package privacy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// integerFiles are the files that draw noise, split it or charge for it. A float in any of them would let its rounding
// decide what the guarantee rests on.
var integerFiles = []string{
	"source.go", "bernoulli.go", "gaussian.go", "perturb.go", "stream.go", "calibrate.go", "units.go", "bit.go", "worst.go",
	"entry.go", "ledger.go", "limits.go", "share.go", "population.go", "account.go",
}

// integerImports are all that these files may import: none of them computes with floats.
var integerImports = []string{
	"cmp", "container/heap", "crypto/aes", "crypto/cipher", "crypto/sha256", "encoding/binary", "errors", "fmt", "io", "maps", "math/bits", "slices", "sync",
}

func TestNoiseFilesHoldNoFloat(t *testing.T) {
	for _, name := range integerFiles {
		for _, complaint := range floatsIn(t, name, nil) {
			t.Error(complaint)
		}
	}
}

// floatsIn lists what in a file computes, or could, with floats.
func floatsIn(t *testing.T, name string, source any) (complaints []string) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, imp := range file.Imports {
		path, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(integerImports, path) || imp.Name != nil {
			complaints = append(complaints, fset.Position(imp.Pos()).String()+": import "+path)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if strings.HasPrefix(n.Name, "float") || strings.HasPrefix(n.Name, "complex") || n.Name == "Rho" {
				complaints = append(complaints, fset.Position(n.Pos()).String()+": "+n.Name)
			}
		case *ast.BasicLit:
			if n.Kind == token.FLOAT || n.Kind == token.IMAG {
				complaints = append(complaints, fset.Position(n.Pos()).String()+": literal "+n.Value)
			}
		}
		return true
	})
	return complaints
}

func TestFloatCheckFindsFloats(t *testing.T) {
	for _, body := range []string{
		`var x float64`, `var x = float32(1)`, `var x = 1.5`, `var x = 1e3`, `var x = 2i`, `var x complex128`,
		`import "math"; var x = math.MaxInt64`, `import "math/rand/v2"; var x = rand.Uint64()`,
		`import m "math/bits"; var x = m.Len(1)`,
	} {
		if len(floatsIn(t, "case.go", "package p\n"+body)) == 0 {
			t.Errorf("nothing found in %q", body)
		}
	}
	if got := floatsIn(t, "case.go", "package p\nvar x = 1 << 3"); len(got) != 0 {
		t.Errorf("found %v in plain integers", got)
	}
}
