// Package content turns what is publicly known about titles into the numbers that a model's start is computed from.
//
// Owns: the tokeniser, TF-IDF, the truncated singular value decomposition, and how kinds of facts are weighed together.
// Promises: the same titles in the same order give the same numbers on one machine; limits are checked before memory is
// taken; no NaN or infinity comes out; a title without any fact gets a row of zeros.
// Never: sees a history, reads a file, knows what a genre or a director is: titles come as lists of tokens.
// Start here: Field, then Features. model.New takes what it returns. Design: accuracy 3.
package content
