// Package delta takes a device from the model that it has to a later one in fewer bytes than the whole file.
//
// Owns: the format of a delta between two snapshot files in halves, and both directions.
// Promises: what Apply returns hashes to the name that was asked for; the same two files give the same delta in one version of this
// program; Apply takes no more memory than the base and the rebuilt file need, whatever the delta says.
// Never: learns from a file, opens or sends one.
// Start here: Encode, then Apply. The format is docs/spec/snapshot.md 9.
package delta
