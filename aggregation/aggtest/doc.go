// Package aggtest is the conformance suite of aggregation.Accumulator: every backend gives the same bits.
//
// Owns: what a sum and its masks must be, written as plain loops over crypto/aes and crypto/cipher.
// Promises: the same suite for every backend, of the same vectors and keys on every run; it shares no code with what it tests.
// Never: knows a backend, measures time.
// Start here: Run.
package aggtest
