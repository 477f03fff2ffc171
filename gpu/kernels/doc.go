// Package kernels has the kernels' sources in CUDA C and what a compiler made of them.
//
// Owns: the *.cu files, prelude.h which lets clang without any SDK and nvcc read them alike, and the PTX beside them, which is embedded.
// Promises: the PTX is the compiler's answer to the sources that lie here (each file begins with their SHA-256; a test holds them together,
// and compiles again where clang 14 is installed).
// Never: runs anything.
// Start here: File; `make ptx` writes the PTX again.
package kernels
