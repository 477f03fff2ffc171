// Package simulate runs studies of whole federations: rounds of the real machines in simulated time, and training on many people's histories.
//
// Owns: what a study may ask for, the lines that it prints a round and at its end, the tables and pictures of them.
// Promises: the same seed gives the same lines but for what stands under "wall" and "trained_by"; a sum that the oracle of sim finds wrong ends the
// study with an error; ε is what the devices' own ledgers hold, or what a task's would; sizes are checked before memory is taken.
// Never: decides what a round may do, trains on what judges it.
// Start here: Protocol.Run and Learning.Run. Lines: docs/simulate.md.
package simulate
