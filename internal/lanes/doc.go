// Package lanes has the loops over a vector between training and the sum, with the same bits on every machine.
//
// Owns: sums of squares, scaling, rounding with coins, and adding, each as plain Go and as generated assembly.
// Promises: the same result to the last bit from Go and from assembly of any width; nothing here allocates; no float decides what
// SquaresOf and Add give.
// Never: draws coins, knows a clip or a grid, checks what a caller must (privacy and aggregation do).
// Start here: Round.
package lanes
