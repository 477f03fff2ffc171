// Package topk is rank.Finder on a GPU: the best titles for many queries at once, to the last bit those of the CPU.
//
// Owns: how a table lies on the device, the launches of a batch, what happens where a short cut does not suffice.
// Promises: exact lists for every finite table and query. Scores from tensor cores only decide what is looked at again, with proven
// bounds of their error (decision 0050); where those leave too much, every title is scored in float64.
// Never: writes out a matrix of scores, keeps anything of a batch, falls back to the CPU (whoever opened it does).
// Start here: Load.
package topk
