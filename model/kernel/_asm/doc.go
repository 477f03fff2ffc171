// Command asm writes the vector forms of package kernel: `make asm` runs it.
//
// It is a module of its own, because only whoever changes a kernel needs avo. One description gives both forms: 8 lanes
// with AVX2 and FMA, 16 with AVX-512. main.go writes files, form.go holds what both widths share; then a file per kind of
// kernel, named as its portable sibling is.
package main

//go:generate go run .
