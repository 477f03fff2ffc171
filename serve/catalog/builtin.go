package catalog

import (
	"bytes"
	_ "embed" // the built-in catalogue
	"fmt"
)

//go:embed builtin.jsonl
var builtin []byte

// Builtin is the catalogue that comes with the program: some 430 well-known films and series of ten decades with year, genres
// and a sentence of plot in our own words. A test checks that it reads.
func Builtin() *Catalogue {
	c, err := Read(bytes.NewReader(builtin))
	if err != nil {
		panic(fmt.Sprintf("broken invariant: built-in catalogue: %v", err))
	}
	return c
}
