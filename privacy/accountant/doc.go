// Package accountant counts what mechanisms cost by other means than the ledger's zCDP: for planning, comparison and checks.
//
// Owns: Rényi divergences of the Gaussian, sampled or not, of sums of discrete noise and of trees; privacy loss distributions; least
// noise by search; what correlated noise would bring.
// Promises: pure functions; every figure says which formula and which order gave it; what is approximate errs towards more ε.
// Never: decides what a device is charged or what is published: that is the zCDP of package privacy, without amplification.
// Start here: Subsampled, then Curve.Epsilon; PLD for the sharpest figure. Rules: design: privacy, section 7.
package accountant
