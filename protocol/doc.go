// Package protocol defines what travels between a device and the coordinator: messages, their bytes, certificates and limits.
//
// Owns: the frame, every message and its encoding, the size limits, hang-up codes, the 131-byte certificate and
// its post-quantum second half, the enrolment request, signatures in both suites.
// Promises: Parse accepts only canonical bytes (whatever it accepts re-encodes to the same bytes) and checks every length before it
// takes memory; a type's size limit is checked before its body is read; no input makes it panic.
// Never: opens a socket, reads a clock, starts a goroutine, decides what a message means for a round.
// Start here: Message and Parse, then ReadMessage; Conn is what carries them. Rules: docs/spec/protocol.md.
package protocol
