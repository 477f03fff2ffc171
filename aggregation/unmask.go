package aggregation

import (
	"crypto/subtle"
	"fmt"

	"github.com/cloudflare/circl/kem/xwing"
)

// What the coordinator does with revealed secrets. Each is checked against what its owner signed before it is used, so that
// a bad share spoils nothing (secure aggregation 10.4).

// CheckB reports whether b is a canonical scalar and the one that bc commits to.
func CheckB(b, openHash, bc [32]byte) bool {
	if _, err := parseScalar(b); err != nil {
		return false
	}
	want := commitB(b, openHash)
	return subtle.ConstantTimeCompare(want[:], bc[:]) == 1
}

// CheckM reports whether m is a canonical scalar and the one that the mask keys of a member were derived from: SPK, and in
// key agreement 2 the X-Wing mask key too.
func CheckM(kex uint16, m, openHash, spk [32]byte, kem []byte) bool {
	if _, err := parseScalar(m); err != nil {
		return false
	}
	want := maskPublic(m, openHash)
	if subtle.ConstantTimeCompare(want[:], spk[:]) != 1 {
		return false
	}
	if kex != KexXWing {
		return true
	}
	if len(kem) != KEMSize {
		return false
	}
	var packed [xwing.PublicKeySize]byte
	_, pk := maskKEM(m, openHash)
	pk.Pack(packed[:])
	return equal(packed[:], kem[:xwing.PublicKeySize])
}

// SelfMask is the self mask of a member as it was added. The coordinator subtracts it.
func SelfMask(in Session, b [32]byte) Term {
	return Term{Key: maskKey(kdf(b[:], "self", in.SID[:], in.Suite.keySize()))}
}

// PairMasks are what is left of the masks that survivors shared with a dropped member whose secret m was rebuilt, one term each
// in the order of survivors, with the sign that takes it off the sum. A survivor's MaskCT is the ciphertext of the pair as the
// lower index sent it; one that does not follow from m, where the dropped member made it, gives ErrCiphertext.
func PairMasks(in Session, m [32]byte, dropped uint32, survivors ...PeerKey) ([]Term, error) {
	ours := newMaskSecrets(in.Suite.Kex, m, in.OpenHash)
	defer ours.zero()
	out := make([]Term, 0, len(survivors))
	for _, s := range survivors {
		if in.Suite.Kex == KexXWing && len(s.MaskCT) != CiphertextSize {
			clear(out)
			return nil, fmt.Errorf("pair mask of %d and %d: X-Wing ciphertext is %d bytes, want %d", dropped, s.Index, len(s.MaskCT), CiphertextSize)
		}
		key, err := ours.pairKey(in, dropped, s)
		if err != nil {
			clear(out)
			return nil, fmt.Errorf("pair mask of %d and %d: %w", dropped, s.Index, err)
		}
		// The survivor added its mask where its own index is the lower one.
		out = append(out, Term{Key: key, Negative: s.Index < dropped})
	}
	return out, nil
}

func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// maskSecrets is what follows from m for pair masks.
type maskSecrets struct {
	m, x [32]byte
	kem  *xwing.PrivateKey // nil in key agreement 1
}

func newMaskSecrets(kex uint16, m, openHash [32]byte) *maskSecrets {
	q := &maskSecrets{m: m, x: maskSecret(m, openHash)}
	if kex == KexXWing {
		q.kem, _ = maskKEM(m, openHash)
	}
	return q
}

func (q *maskSecrets) zero() {
	if q.kem != nil {
		*q.kem = xwing.PrivateKey{}
	}
	*q = maskSecrets{}
}
