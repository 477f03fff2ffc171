// Command stamp writes a line above each generated file of package scan, with the hash of the generator and of what follows the line.
// A test of the package compares: it needs neither avo nor a network.
package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := stamp("../scan_amd64.s", "../scan_amd64.go"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func stamp(names ...string) error {
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
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("stamp what was generated: %w", err)
		}
		head := fmt.Sprintf("// generator %x body %x\n", h.Sum(nil), sha256.Sum256(body))
		if err := os.WriteFile(name, append([]byte(head), body...), 0o644); err != nil {
			return err
		}
	}
	return nil
}
