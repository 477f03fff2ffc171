// Package secagg answers an operator's questions about secure aggregation without running any: do known answers hold, and
// what would a round of this shape cost.
//
// Owns: the vector file of graph parameters and its evaluation, the plan of a round's degree, traffic, work and memory.
// Promises: numbers are those of the code that runs rounds (package aggregation's arithmetic, package protocol's encodings);
// a file is read strictly and within limits; a miss names its vector and field.
// Never: opens a file, a connection or a round; decides what a device accepts.
// Start here: Check for vectors, Plan for costs. Rules: the secure aggregation specification, sections 5, 9 and 18.
package secagg
