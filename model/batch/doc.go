// Package batch trains the field's classic recommenders at one place, in minibatches over everybody's pairs: NeuMF and two towers.
//
// Owns: both models' tables and layers, their gradients, lazy Adam, and the drawing of training samples.
// Promises: a step allocates nothing; the same generator gives the same parameters on the same kind of processor; only rows
// of a batch are read or written, however large the tables.
// Never: runs on a device or in a round; Device does the work of one, to be timed beside other simulators. This is what learning
// without privacy looks like: the baseline of an evaluation, and the engine that is timed beside others.
// Start here: NewNeuMF and NeuMF.Step; TwoTower beside it. Design: performance 2.
package batch
