// Package madeup makes up catalogues of films and series, larger than the built-in one and with more facts.
//
// Owns: the generator of titles and what it assumes about them.
// Promises: the same numbers and seed give the same titles; film n and series n bear the same number, so that whoever drops the kind of an
// id mixes them up.
// Never: claims to describe real titles; a figure measured on them says only that what was assumed can be learned.
// Start here: Titles.
//
// What is assumed. Each title belongs to one of the themes, whatever its kind; a theme favours two genres and a time, has words of its own
// among the keywords, and people who work in it. Films and series of a theme are drawn by the same rules. That is the assumption that
// matters: what links films to series here is there because it was put there, in genres, time, words and people that they share. Which
// titles somebody watches is household's, whose circles of taste favour genres, a time, a kind, and titles that nothing explains, of both
// kinds together.
package madeup
