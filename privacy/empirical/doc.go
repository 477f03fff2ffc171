// Package empirical turns attacks on a mechanism into lower bounds on what it leaks.
//
// Owns: the one-run audit's bound, exact binomial tails and their confidence limits.
// Promises: a bound printed at 95 % is wrong in at most one audit of twenty, whatever the attack, if each canary was included
// on its own fair coin and the number of guesses was fixed beforehand.
// Never: draws randomness, sees a device or a round, says that a system is private: an attack that fails proves nothing.
// Start here: EpsilonLower. Rules: design: privacy, section 14.
package empirical
