package prototest

import (
	"crypto/ed25519"
	"crypto/sha256"

	"github.com/cinesync/cinesync/protocol"
)

// The dates of every certificate made here, Unix seconds.
const (
	NotBefore = 1_700_000_000
	NotAfter  = 4_000_000_000
	Now       = 1_800_000_000 // a moment between them
)

// Key is the same Ed25519 key whenever the name is the same.
func Key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("prototest " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// Authority is the enrolment authority of every identity made here.
func Authority() ed25519.PrivateKey { return Key("authority") }

// AuthorityKey is its public key.
func AuthorityKey() ed25519.PublicKey { return Public(Authority()) }

// Public is the public half of a private key.
func Public(key ed25519.PrivateKey) ed25519.PublicKey { return ed25519.PublicKey(key[32:]) }

// Identity is a party of this name and class, certified by Authority.
func Identity(name string, class protocol.Class) protocol.Identity {
	key := Key(name)
	serial := sha256.Sum256([]byte(name))
	cert := protocol.IssueCert(Authority(), protocol.Cert{IDPK: [32]byte(Public(key)), Class: class, NotBefore: NotBefore, NotAfter: NotAfter,
		Quota: 100, Serial: [16]byte(serial[:16])})
	return protocol.Identity{Key: key, Cert: cert}
}

// AuthorityPQ is the authority's ML-DSA key.
func AuthorityPQ() *protocol.PQPublicKey {
	key, _ := protocol.MLDSAKey(Authority())
	return key
}

// Hybrid adds the second half of the certificate.
func Hybrid(id protocol.Identity) protocol.Identity {
	key, _ := protocol.MLDSAKey(id.Key)
	_, authority := protocol.MLDSAKey(Authority())
	id.CertPQ = protocol.IssuePQ(authority, id.Cert, key)
	return id
}

// Device is the dialling side of the suite's connections.
func Device() protocol.Identity { return Identity("device", protocol.ClassDevice) }

// Coordinator is their listening side.
func Coordinator() protocol.Identity { return Identity("coordinator", protocol.ClassCoordinator) }
