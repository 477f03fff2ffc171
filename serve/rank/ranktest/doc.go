// Package ranktest is the conformance suite of rank.Finder: every backend gives the same lists to the last bit.
//
// Owns: what a list must be, written as plain loops and a sort; tables and batches that are hard on shortcuts.
// Promises: the same suite for every backend, of the same numbers on every run; its reference shares no code with what it tests.
// Never: knows a backend, measures time.
// Start here: Run.
package ranktest
