// Package scan has the loops that look at every title: float32 scores of a block, compared with what a list still takes.
//
// Owns: the loops, each as plain Go and as generated assembly; the order in which vectors lie for them; the bound on their error.
// Promises: a title whose score could reach what is asked is marked, whatever the numbers; nothing here allocates but Pack; no form
// gives a score farther from the sum in float64 than Error says.
// Never: starts a goroutine, knows masks, lists or which title is better.
// Start here: Panels.Scan.
package scan
