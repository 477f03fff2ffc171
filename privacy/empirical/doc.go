// Package empirical turns attacks on a mechanism into lower bounds on what it leaks.
//
// Owns: the one-run audit's bound, exact binomial tails and their confidence limits, canaries' directions and coins, the choice
// of guesses, membership inference's figures.
// Promises: a bound printed at 95 % is wrong in at most one audit of twenty, whatever the attack, if each canary was included
// on its own fair coin and the number of guesses was fixed beforehand.
// Never: draws randomness of its own, sees a device or a round, says that a system is private: an attack that fails proves nothing.
// Start here: LowerBound, then EpsilonLower. Rules: design: privacy, section 14.
package empirical
