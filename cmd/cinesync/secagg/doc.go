// Package secagg answers an operator's questions about secure aggregation without running any: do known answers hold, and
// what would a round of this shape cost.
//
// Owns: the functions that files of graph parameters are held against, the plan of a round's degree, traffic, work and memory.
// Promises: numbers are those of the code that runs rounds (package aggregation's arithmetic, package protocol's encodings).
// Never: opens a file, a connection or a round; decides what a device accepts.
// Start here: Kinds for vectors, Plan for costs. Rules: the secure aggregation specification, sections 5, 9 and 18.
package secagg
