// Package graph defines both models once more as gorgonia graphs: the reference that the hand-written gradients are held to, and that can train.
//
// Owns: the two loss graphs, the reference engine that trains with them, and the only use of gorgonia.
// Promises: the loss and gradient of one sample by automatic differentiation in float64, from the formulas alone; it shares no
// arithmetic with package model but the weights of the history channels.
// Never: is linked into a program that runs on a device; trains fast.
// Start here: Gradient, then NewTrainer.
package graph
