package aggregation

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// Sealed is one neighbour's shares of m and b under a key that only sealer and receiver can derive: AES-128-GCM, 64 bytes of
// plaintext and a 16-byte tag.
type Sealed [80]byte

var errSealed = errors.New("sealed shares do not open: not sealed by this member, for this member, in this session")

// Seal encrypts the shares of member own for a neighbour. Both ends contribute their session keys, so the receiver knows who
// sealed (secure aggregation 7.2). In key agreement 2 the ciphertext of a fresh encapsulation goes with the box, and random gives
// its coins; and for a neighbour of a higher index peer.MaskCT, which this member made for their pair mask, is bound to the box.
// In key agreement 1 there are neither and random is not read.
func (s *Secrets) Seal(in Session, own uint32, peer PeerKey, m, b Share, random io.Reader) (box Sealed, ct []byte, err error) {
	var secret [32]byte
	defer clear(secret[:])
	if in.Suite.Kex == KexXWing {
		if secret, ct, err = sealShareKEM(peer, random); err != nil {
			return Sealed{}, nil, fmt.Errorf("seal shares of member %d for member %d: %w", own, peer.Index, err)
		}
	}
	aead, err := s.box(in, peer, own, peer.Index, secret[:])
	if err == nil && in.Suite.Kex == KexXWing && own < peer.Index && len(peer.MaskCT) != CiphertextSize {
		err = fmt.Errorf("the ciphertext of their pair mask is %d bytes, want %d: make it with MaskCT first", len(peer.MaskCT), CiphertextSize)
	}
	if err != nil {
		return Sealed{}, nil, fmt.Errorf("seal shares of member %d for member %d: %w", own, peer.Index, err)
	}
	plain := append(append(make([]byte, 0, 64), m[:]...), b[:]...)
	defer clear(plain)
	return Sealed(aead.Seal(nil, zeroNonce(), plain, boxContext(in, own, peer.Index, peer.MaskCT))), ct, nil
}

// Open decrypts what a neighbour sealed for member own, the owner of these secrets; ct is the ciphertext that came with the
// box. It refuses shares that are not canonical scalars.
func (s *Secrets) Open(in Session, own uint32, peer PeerKey, box Sealed, ct []byte) (m, b Share, err error) {
	m, b, err = s.open(in, own, peer, box, ct)
	if err != nil {
		return Share{}, Share{}, fmt.Errorf("open shares of member %d: %w", peer.Index, err)
	}
	return m, b, nil
}

func (s *Secrets) open(in Session, own uint32, peer PeerKey, box Sealed, ct []byte) (m, b Share, err error) {
	var secret [32]byte
	defer clear(secret[:])
	if in.Suite.Kex == KexXWing {
		sk, _ := shareKEM(s.f, in.OpenHash)
		if secret, err = decapsulate(sk, ct); err != nil {
			return m, b, err
		}
	}
	aead, err := s.box(in, peer, peer.Index, own, secret[:])
	if err != nil {
		return m, b, err
	}
	plain, err := aead.Open(nil, zeroNonce(), box[:], boxContext(in, peer.Index, own, peer.MaskCT))
	if err != nil {
		return m, b, errSealed
	}
	defer clear(plain)
	m, b = Share(plain[:32]), Share(plain[32:])
	for _, v := range []Share{m, b} {
		if _, err := parseScalar(v); err != nil {
			return m, b, err
		}
	}
	return m, b, nil
}

// boxContext is what a box is bound to: the session, who sealed it for whom, and in key agreement 2, from the lower index to
// the higher, the ciphertext of their pair mask. Whoever relays another one, made by itself, leaves a box that does not open.
func boxContext(in Session, from, to uint32, maskCT []byte) []byte {
	out := pairContext(in.SID, from, to)
	if in.Suite.Kex == KexXWing && from < to {
		sum := sha256.Sum256(maskCT)
		out = append(out, sum[:]...)
	}
	return out
}

// box is the cipher of one direction between two members; secret is the encapsulated one, used in key agreement 2 alone.
func (s *Secrets) box(in Session, peer PeerKey, from, to uint32, secret []byte) (cipher.AEAD, error) {
	if from == to {
		return nil, errors.New("a member does not seal for itself")
	}
	if err := s.live(); err != nil {
		return nil, err
	}
	shared, err := agree(s.e, peer.EPK)
	if err != nil {
		return nil, err
	}
	ikm := append(make([]byte, 0, 64), shared[:]...)
	defer func() { clear(shared[:]); clear(ikm[:cap(ikm)]) }()
	if in.Suite.Kex == KexXWing {
		ikm = append(ikm, secret...)
	}
	key := kdf(ikm, "share", pairContext(in.SID, from, to), 16)
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// zeroNonce is safe because every key seals exactly once: it is derived from two session keys, the session and the ordered
// pair, and a device makes one message per session and step (secure aggregation 7.2, 9.1).
func zeroNonce() []byte { return make([]byte, 12) }
