// Package ring adds to vectors mod 2^32: vectors, packed words as they travel, and keystreams while they are made.
//
// Owns: those loops, as plain Go over the libraries' generators and as generated assembly in two widths; AES-128-CTR, AES-256-CTR
// and ChaCha20 from any multiple of 64 bytes on, under a zero IV or nonce.
// Promises: the same words at every level, byte for byte those of crypto/aes and RFC 8439; nothing outside a slice is read or written;
// no allocation by the word; in what is ours no branch and no address depends on a key. What it expands of a key is wiped by Zero,
// except at levels that use a library, which keeps its own copy until it is collected.
// Never: knows whose mask a key is, reuses or checks keys, starts a goroutine. A slice of the wrong length is a bug of the caller: a
// panic.
// Start here: Best, Level.Fold and Stream.Add.
package ring
