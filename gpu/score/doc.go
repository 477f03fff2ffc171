// Package score scores people against all titles on a GPU, for lists, and ranks what evaluation held out.
//
// Owns: the two-tower and the NCF family on a device: users' vectors from histories, scores, places of held-out titles, lists of ten.
// Promises: scores are the model's own but for the rounding of float32 sums; ties, and scores that are not numbers, count as package
// evaluate says; no matrix of users × titles is kept; people beyond the device's memory go through it in pieces.
// Never: trains, opens a device, measures or scores on the CPU: evaluate.Bench and serve do where this fails.
// Start here: Load, Kernels.New, Model.Rank. Why it is as it is: docs/decisions/0054.
package score
