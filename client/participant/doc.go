// Package participant is the device's side of a round and everything it refuses: the privacy promise, readable in ten
// minutes.
//
// Owns: the policy floor, the refusals, the session's secrets, the order clip, quantise, noise, mask.
// Promises: nothing leaves before it is charged; one message per session and step, resent byte for byte; an answer to one
// set of survivors only; on doubt it refuses, says why and keeps its budget.
// Never: blocks, opens a file or a connection, reads a clock, sees a history.
// Start here: contribute, then Machine.Step and the Refusal list. Rules: the secure aggregation specification, sections 3.2, 9 and 12.
package participant
