// Package audit writes and checks the public log of a federation.
//
// Owns: the log's records and their canonical bytes, entry signatures, the Merkle log with its proofs, signed and cosigned checkpoints,
// what a witness may sign, tiles, the keys file, receipt files, and every check that an auditor makes of a log.
// Promises: whatever a parser accepts re-encodes to the same bytes; one changed byte anywhere in a log folder fails Verify (of a
// cosignature: where there is a witness policy); a check that was not made is never reported as made.
// Never: reads a clock, a network or a device's data; trusts a figure that it can recompute.
// Start here: Record, Seal, Log, WitnessPolicy, Verify. The format is docs/spec/log.md.
package audit
