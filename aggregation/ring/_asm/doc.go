// Command asm writes the vector forms of package ring: `make asm` runs it.
//
// It is a module of its own, because only whoever changes a loop needs avo. One description gives both widths, 256 and 512
// bits. main.go writes files, form.go holds what the widths share; then a file per kind of loop.
package main

//go:generate go run .
