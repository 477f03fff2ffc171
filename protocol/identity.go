package protocol

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
)

// Identity is one party: its key and the certificate for it. It does not print its key.
type Identity struct {
	Key    ed25519.PrivateKey
	Cert   Cert
	CertPQ []byte // the hybrid certificate's second half, CertPQSize bytes; nil where only suite SigEd25519 is spoken
}

// Signer signs as this party, which passed Check, in the signature suite sig. Deriving the ML-DSA key takes longer than a signature: keep it.
func (id Identity) Signer(sig uint16) Signer {
	s := Signer{Ed: id.Key}
	if sig == SigHybrid {
		_, s.PQ = MLDSAKey(id.Key)
	}
	return s
}

// Check says whether the key is whole and is the one that the certificate names, in both halves where it has two.
func (id Identity) Check() error {
	if len(id.Key) != ed25519.PrivateKeySize {
		return fmt.Errorf("check identity: private key of %d bytes, want %d", len(id.Key), ed25519.PrivateKeySize)
	}
	if pub, ok := id.Key.Public().(ed25519.PublicKey); !ok || [32]byte(pub) != id.Cert.IDPK {
		return fmt.Errorf("check identity: %w: the certificate is for %x; use the key file it was issued with", ErrWrongKey, id.Cert.IDPK[:4])
	}
	if len(id.CertPQ) == 0 {
		return nil
	}
	pub, _ := MLDSAKey(id.Key)
	if len(id.CertPQ) != CertPQSize || !bytes.Equal(id.CertPQ[:PQKeySize], pub.Bytes()) {
		return fmt.Errorf("check identity: %w: the hybrid certificate is for another ML-DSA key; have a new one issued from identity.request", ErrWrongKey)
	}
	return nil
}

// String names the certificate and hides the key.
func (id Identity) String() string {
	return fmt.Sprintf("%v %x "+secretWord, id.Cert.Class, id.Cert.IDPK[:4])
}

// GoString hides the key from %#v too.
func (id Identity) GoString() string { return id.String() }

// MarshalText keeps the key out of text and JSON.
func (id Identity) MarshalText() ([]byte, error) { return []byte(id.String()), nil }
