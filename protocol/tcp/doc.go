// Package tcp carries protocol messages over TLS 1.3 on TCP, for paths that let no UDP through and for clients without QUIC.
//
// Owns: the sockets and their settings, the order of handshake, check and first word, the mapping of their errors to ours.
// Promises: what protocol/quic promises: a peer is authenticated before any of its frames is read; one slow, silent or greedy peer costs a
// bounded amount of memory and time and delays nobody else; a connection that ends says why.
// Never: decides what a message means, resumes a TLS session, builds a certificate chain.
// Start here: Config, then Listen and Dial. Rules: docs/spec/protocol.md §6 to §9.
package tcp
