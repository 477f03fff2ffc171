// Package cinesync is the root of the house; it holds no code, only the tests that keep the house in order.
//
// Owns: the import table, the purity rules, the form of package comments, the checks of the documents.
// Promises: each of those rules is shown to fail on a planted violation.
// Never: is imported.
// Start here: arch_test.go, then docs/ARCHITECTURE.md.
package cinesync
