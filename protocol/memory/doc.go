// Package memory connects parties of one process, for tests and simulations.
//
// Owns: a protocol.Conn over queues, a network of named listeners, and the faults that it can be told to show.
// Promises: every message passes through the real encoding and limits; no goroutine of its own; works inside testing/synctest.
// Never: opens a socket, checks a certificate, loses a message unless told to.
// Start here: Pair, then Network.
package memory
