// Package vectors reads files of known answers (schema cinesync-vectors/1) and holds functions of ours against them.
//
// Owns: the strict reading of such files, tolerances, the comparison and its words.
// Promises: a file is read within limits; a vector that is none, an unknown kind, a missing or unknown input and a miss name vector and
// field, and the others are evaluated all the same.
// Never: opens a file or knows a kind: commands bring the functions.
// Start here: Check.
package vectors
