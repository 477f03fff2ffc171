// Package privacy clips updates, draws the noise and accounts for what has been spent.
//
// Owns: the clipping bound, the exact discrete Gaussian sampler, the zCDP accountant, the charge of a round, and both ledgers as values:
// a device's, and the population's.
// Promises: spending only grows within a period and never passes the ceiling; a broken ledger is refused, not repaired; the
// noise is drawn with integers alone; the same random stream gives the same noise.
// Never: reads a clock, opens a file, draws randomness of its own, decides who takes part.
// Start here: Clip, then Perturb (what a device does to its update), then Ledger.Next (what it pays for that), then Population.Debit
// (what the coordinator counts). Rules:
// design: privacy, sections 4 to 8.
package privacy
