// Package tlsid proves over TLS 1.3 who the other side is, for every transport of the protocol.
//
// Owns: the TLS leaf that carries a certificate, the TLS settings, the checks of a peer, which alert stands for which refusal.
// Promises: both sides are certified or there is no connection; what is refused is an error that names the reason.
// Never: builds a certificate chain, resumes a session, opens a socket.
// Start here: Party. Rules: docs/spec/protocol.md §6.
package tlsid
