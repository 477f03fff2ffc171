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
	for _, part := range []struct {
		name string
		make func(*build.Context)
	}{
		{"words", func(c *build.Context) { both(c, (*form).words) }},
		{"aes", func(c *build.Context) { schedules(c); both(c, (*form).aes) }},
		{"chacha", func(c *build.Context) { both(c, (*form).chacha) }},
	} {
		if err := write(part.name, part.make); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// both makes the two widths of some loops.
func both(c *build.Context, loops func(*form)) {
	data := newData(c)
	for _, bits := range []int{256, 512} {
		loops(&form{Context: c, data: data, bits: bits})
	}
}

// write makes one file of assembly and its declarations.
func write(name string, fill func(*build.Context)) error {
	c := build.NewContext()
	fill(c)
	file, err := c.Result()
	if err != nil {
		return fmt.Errorf("build %s: %w", name, err)
	}
	if err := pass.Compile.Execute(file); err != nil {
		return fmt.Errorf("compile %s: %w", name, err)
	}
	config := printer.Config{Name: "make asm", Pkg: "ring"}
	for end, p := range map[string]printer.Printer{".s": printer.NewGoAsm(config), ".go": printer.NewStubs(config)} {
		if err := stamp("generated_"+name+"_amd64"+end, p, file); err != nil {
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

// function starts a function that keeps none of its pointers.
func function(c *build.Context, name, doc, signature string) {
	c.Function(name)
	c.Attributes(attr.NOSPLIT)
	c.Pragma("noescape")
	c.Doc(name + " " + doc)
	c.SignatureExpr(signature)
}
