// Package budget plans the privacy of rounds: from what an operator wants (people, rounds, ε, model) to what a round must carry
// (grid bound, noise, word size), what it costs in bytes, and how loud the noise is beside the update.
//
// Owns: the search for a grid and a noise that fit, the plan's figures, the drawing of ε against rounds.
// Promises: the charge is that of the ledgers, in their integers; a plan that is given passes the checks that coordinator and devices
// make; ε is never above what was wanted; nothing is gained from sampling.
// Never: opens a file, runs a round, guesses an accuracy that nobody has measured.
// Start here: Want.Plan. Rules: the privacy specification, sections 3, 5, 6 and 10.
package budget
