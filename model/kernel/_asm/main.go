package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

func main() {
	for _, lanes := range []int{8, 16} {
		if err := write(lanes); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// write makes one form's assembly and its declarations.
func write(lanes int) error {
	f := newForm(lanes)
	f.tiles()
	f.allScores()
	f.rows()
	f.vectors()
	f.exponentials()
	f.adam()
	file, err := f.Result()
	if err != nil {
		return fmt.Errorf("build the form of %d lanes: %w", lanes, err)
	}
	if err := pass.Compile.Execute(file); err != nil {
		return fmt.Errorf("compile the form of %d lanes: %w", lanes, err)
	}
	config := printer.Config{Name: "make asm", Pkg: "kernel"}
	for name, p := range map[string]printer.Printer{
		"kernel_" + f.name + "_amd64.s":  printer.NewGoAsm(config),
		"kernel_" + f.name + "_amd64.go": printer.NewStubs(config),
	} {
		if err := stamp(name, p, file); err != nil {
			return err
		}
	}
	return nil
}

// stamp writes a file below a line with the hash of the generator and of what follows, which a test of the package
// compares: it needs neither avo nor a network.
func stamp(name string, p printer.Printer, file *ir.File) error {
	body, err := p.Print(file)
	if err != nil {
		return fmt.Errorf("print %s: %w", name, err)
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		return err
	}
	h := sha256.New()
	for _, source := range append(sources, "go.mod", "go.sum") {
		text, err := os.ReadFile(source)
		if err != nil {
			return fmt.Errorf("hash the generator: %w", err)
		}
		h.Write(text)
	}
	head := fmt.Sprintf("// generator %x body %x\n", h.Sum(nil), sha256.Sum256(body))
	return os.WriteFile(filepath.Join("..", name), append([]byte(head), body...), 0o644)
}

// newForm starts the file of one width.
func newForm(lanes int) *form {
	name := map[int]string{8: "avx2", 16: "avx512"}[lanes]
	f := &form{Context: build.NewContext(), lanes: lanes, name: name, suffix: map[int]string{8: "AVX2", 16: "AVX512"}[lanes]}
	return f
}

// function starts a function that keeps none of its pointers.
func (f *form) function(name, doc, signature string) {
	f.Function(name + f.suffix)
	f.Attributes(attr.NOSPLIT)
	f.Pragma("noescape")
	f.Doc(name + f.suffix + " " + doc)
	f.SignatureExpr(signature)
}
