// Package stream makes a protocol.Conn of an ordered stream of bytes, for every transport of the protocol.
//
// Owns: the order of frames and of the last word, the deadlines of a frame, the budgets of memory and of connections.
// Promises: a frame arrives whole or not at all; one slow, silent or greedy peer costs a bounded amount of memory and time and delays
// nobody else; a connection that ends says why.
// Never: opens a socket, knows a certificate's rules, decides what a message means.
// Start here: Conn; then Link, which a transport implements. Rules: docs/spec/protocol.md §7 to §9.
package stream
