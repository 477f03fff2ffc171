// Package accounts holds the accountants against files of known answers.
//
// Owns: which function answers which kind of accountant.json, and under which names its inputs and fields stand there.
// Promises: the functions are those of packages privacy, privacy/accountant and privacy/empirical; an input that one of them refuses is named.
// Never: computes anything itself, reads a file.
// Start here: Kinds. Rules: the privacy specification, sections 5, 6 and 10.
package accounts
