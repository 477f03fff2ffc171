// Package house checks that a tree of Go packages keeps the rules of its house: who may import what, which packages are
// pure, how packages introduce themselves, which commands the documents may name.
//
// Owns: reading a tree (syntax only), the rules, the words in which a broken rule is reported.
// Promises: a package that the policy does not name is a problem, never a gap; a problem names the file and the way out.
// Never: holds the policy (arch_test.go at the root does), builds or runs what it reads.
// Start here: New, then House.Rules.
package house
