// Package witness is both ends of C2SP tlog-witness over HTTP: who signs checkpoints of other people's logs, and who asks for it.
//
// Owns: the handler of add-checkpoint, the folder in which a witness remembers what it signed, the client that asks a policy's witnesses.
// Promises: what a cosignature says is on disk before the cosignature leaves; a folder that is damaged or in use is not served; an
// answer is verified before it counts.
// Never: decides whether a checkpoint may be signed (audit.WitnessStep does), holds a log's key.
// Start here: New and OpenFolder for a witness, NewClient for a log.
package witness
