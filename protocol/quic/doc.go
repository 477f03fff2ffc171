// Package quic carries protocol messages over QUIC: one bidirectional stream for each connection, both sides certified.
//
// Owns: the transport's settings and limits, the mapping of QUIC's errors to ours. The only importer of quic-go.
// Promises: a peer is authenticated before any of its frames is read; one slow, silent or greedy peer costs a bounded amount of memory and
// time and delays nobody else; a connection that ends says why.
// Never: decides what a message means, resumes a TLS session, builds a certificate chain.
// Start here: Config, then Listen and Dial. Rules: docs/spec/protocol.md §6 to §9.
package quic
