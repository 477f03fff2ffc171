// Package kernel holds the inner loops of training in float32: small dense products, rows, exponentials, Adam.
//
// Owns: the loops themselves, a portable form of each, and the choice between them and vector instructions.
// Promises: no allocation; the same call gives the same bits on the same kind of processor; every form agrees with the
// portable one within the tolerances of docs/decisions/0036-kernels-as-generated-assembly.md; nothing outside a slice is
// read or written; a NaN that goes in comes out.
// Never: starts a goroutine, keeps state, knows what the numbers mean. A slice that is too short is a broken invariant of
// the caller: a panic that names it.
// Start here: NT, NN and TN (matrix.go), then Softmax (exponential.go) and AdamStep (adam.go).
package kernel
