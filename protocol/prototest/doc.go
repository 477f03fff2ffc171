// Package prototest is the conformance suite of protocol.Conn, and makes the certificates and messages that its users test with.
//
// Owns: what every transport must do: order, limits, hang-ups, contexts, concurrent senders.
// Promises: the same suite for every transport; the same messages and keys on every run.
// Never: knows a transport.
// Start here: Run.
package prototest
