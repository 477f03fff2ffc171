package protocol

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/cloudflare/circl/sign/mldsa/mldsa44"
)

// The signature suites (secure aggregation 3.3).
const (
	SigEd25519 uint16 = 1 // Ed25519; every post-quantum field is empty
	SigHybrid  uint16 = 2 // Ed25519 and ML-DSA-44 (FIPS 204); both must verify
)

// Lengths in bytes of what the hybrid suites add. A field of theirs has its full length or is empty.
const (
	PQKeySize      = mldsa44.PublicKeySize // 1312
	PQSigSize      = mldsa44.SignatureSize // 2420
	CertPQSize     = PQKeySize + PQSigSize // 3732
	CertHybridSize = CertSize + CertPQSize // 3863
	KEMKeysSize    = 2 * 1216              // X-Wing mask key ‖ X-Wing sharing key
	CiphertextSize = 1120                  // one X-Wing encapsulation
)

// ErrSuite means that post-quantum fields are given where the suite has none, or missing where it has them.
var ErrSuite = errors.New("post-quantum fields do not fit the signature suite")

// PQPublicKey and PQPrivateKey are circl's ML-DSA-44 keys, named here so that others need not import it.
type (
	PQPublicKey  = mldsa44.PublicKey
	PQPrivateKey = mldsa44.PrivateKey
)

// Signer signs what one party says. PQ is nil in suite SigEd25519. It does not print its keys.
type Signer struct {
	Ed ed25519.PrivateKey
	PQ *PQPrivateKey
}

// Verifier checks what one party signed. PQ is nil in suite SigEd25519, and then nothing post-quantum may be there.
type Verifier struct {
	Ed ed25519.PublicKey
	PQ *PQPublicKey
}

// MLDSAKey is the ML-DSA-44 key of the identity that holds this whole Ed25519 key: its 32-byte seed is HKDF-SHA-256 (RFC 5869) of the
// Ed25519 seed, without salt, for "cinesync/csa1/identity-mldsa44". One key file therefore serves both suites.
func MLDSAKey(key ed25519.PrivateKey) (*PQPublicKey, *PQPrivateKey) {
	secret := key.Seed()
	defer clear(secret)
	b, err := hkdf.Key(sha256.New, secret, nil, "cinesync/csa1/identity-mldsa44", mldsa44.SeedSize)
	must(err) // fails for outputs over 255 hashes only
	seed := [mldsa44.SeedSize]byte(b)
	clear(b)
	defer clear(seed[:])
	return mldsa44.NewKeyFromSeed(&seed)
}

// VerifierOf is the other end of Identity.Signer: the public halves of an identity's key in the signature suite sig.
func VerifierOf(key ed25519.PrivateKey, sig uint16) Verifier {
	v := Verifier{Ed: key.Public().(ed25519.PublicKey)}
	if sig == SigHybrid {
		v.PQ, _ = MLDSAKey(key)
	}
	return v
}

// ParsePQKey reads an ML-DSA-44 public key: any PQKeySize bytes are one.
func ParsePQKey(b []byte) (*PQPublicKey, error) {
	if len(b) != PQKeySize {
		return nil, fmt.Errorf("parse ML-DSA-44 public key: %w: %d bytes, want %d", ErrMalformed, len(b), PQKeySize)
	}
	key := new(PQPublicKey)
	key.Unpack((*[PQKeySize]byte)(b))
	return key, nil
}

// sign makes both signatures over the labelled body; the second is nil without an ML-DSA key. It is deterministic (FIPS 204 §3.4), so a
// message that is signed again has the same bytes.
func (s Signer) sign(name string, body []byte) (sig [64]byte, sigPQ []byte) {
	msg := labelled(name, body)
	defer clear(msg)
	sig = [64]byte(ed25519.Sign(s.Ed, msg))
	if s.PQ != nil {
		sigPQ = signPQ(s.PQ, msg)
	}
	return sig, sigPQ
}

func signPQ(key *PQPrivateKey, msg []byte) []byte {
	sig := make([]byte, PQSigSize)
	must(mldsa44.SignTo(key, msg, nil, false, sig)) // fails for contexts over 255 bytes only
	return sig
}

// must is for calls that no input can make fail.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("protocol: %v", err))
	}
}

// verify checks both signatures. The error wraps ErrBadSignature, and ErrSuite where the fields are not those of the verifier's suite.
func (v Verifier) verify(name string, body []byte, sig [64]byte, sigPQ []byte) error {
	if err := verify(v.Ed, name, body, sig); err != nil {
		return err
	}
	return verifyPQ(v.PQ, name, body, sigPQ)
}

func verifyPQ(key *PQPublicKey, name string, body, sig []byte) error {
	switch {
	case key == nil && len(sig) > 0:
		return fmt.Errorf("%w: %w: an ML-DSA signature of %d bytes in suite %d", ErrBadSignature, ErrSuite, len(sig), SigEd25519)
	case key == nil:
		return nil
	case len(sig) == 0:
		return fmt.Errorf("%w: %w: no ML-DSA signature in suite %d", ErrBadSignature, ErrSuite, SigHybrid)
	case !mldsa44.Verify(key, labelled(name, body), nil, sig):
		return fmt.Errorf("%w: the ML-DSA half", ErrBadSignature)
	}
	return nil
}

// tail is the length of a message's two signatures at its end.
func tail(sigPQ []byte) int { return 64 + 4 + len(sigPQ) }

func appendSigs(dst []byte, sig *[64]byte, sigPQ []byte) []byte {
	return appendBytes(append(dst, sig[:]...), sigPQ)
}

func (r *reader) sigs(sig *[64]byte) (sigPQ []byte) {
	r.fixed("sig", sig[:])
	return r.whole("sig_pq", PQSigSize)
}

// whole reads a byte string that is empty or has size bytes.
func (r *reader) whole(field string, size int) []byte {
	b := r.bytes(field, size)
	if n := len(b); r.err == nil && n != 0 && n != size {
		r.fail(field, "%d bytes, want none or %d", n, size)
		return nil
	}
	return b
}

// String hides the keys.
func (Signer) String() string { return secretWord }

// GoString hides the keys from %#v too.
func (Signer) GoString() string { return secretWord }

// Format hides the keys whatever the verb.
func (Signer) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, secretWord) }

// MarshalText keeps the keys out of text and JSON.
func (Signer) MarshalText() ([]byte, error) { return []byte(secretWord), nil }
