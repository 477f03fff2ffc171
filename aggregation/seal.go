package aggregation

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
)

// Sealed is one neighbour's shares of m and b under a key that only sealer and receiver can derive: AES-128-GCM, 64 bytes of
// plaintext and a 16-byte tag.
type Sealed [80]byte

var errSealed = errors.New("sealed shares do not open: not sealed by this member, for this member, in this session")

// Seal encrypts the shares of member from for member to, whose sharing key is peerEPK. Both ends contribute their session
// keys, so the receiver knows who sealed (design: secure aggregation 7.2).
func (s *Secrets) Seal(peerEPK, sid [32]byte, from, to uint32, m, b Share) (Sealed, error) {
	aead, err := s.box(peerEPK, sid, from, to)
	if err != nil {
		return Sealed{}, fmt.Errorf("seal shares of member %d for member %d: %w", from, to, err)
	}
	plain := append(append(make([]byte, 0, 64), m[:]...), b[:]...)
	defer clear(plain)
	return Sealed(aead.Seal(nil, zeroNonce(), plain, pairContext(sid, from, to))), nil
}

// Open decrypts what member from, whose sharing key is peerEPK, sealed for member to, the owner of these secrets. It refuses
// shares that are not canonical scalars.
func (s *Secrets) Open(peerEPK, sid [32]byte, from, to uint32, c Sealed) (m, b Share, err error) {
	aead, err := s.box(peerEPK, sid, from, to)
	if err != nil {
		return m, b, fmt.Errorf("open shares of member %d: %w", from, err)
	}
	plain, err := aead.Open(nil, zeroNonce(), c[:], pairContext(sid, from, to))
	if err != nil {
		return m, b, fmt.Errorf("open shares of member %d: %w", from, errSealed)
	}
	defer clear(plain)
	m, b = Share(plain[:32]), Share(plain[32:])
	for _, v := range []Share{m, b} {
		if _, err := parseScalar(v); err != nil {
			return Share{}, Share{}, fmt.Errorf("open shares of member %d: %w", from, err)
		}
	}
	return m, b, nil
}

func (s *Secrets) box(peerEPK, sid [32]byte, from, to uint32) (cipher.AEAD, error) {
	if from == to {
		return nil, errors.New("a member does not seal for itself")
	}
	if err := s.live(); err != nil {
		return nil, err
	}
	shared, err := agree(s.e, peerEPK)
	if err != nil {
		return nil, err
	}
	key := kdf(shared[:], "share", pairContext(sid, from, to), 16)
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// zeroNonce is safe because every key seals exactly once: it is derived from two session keys, the session and the ordered
// pair, and a device makes one message per session and step (design: secure aggregation 7.2, 9.1).
func zeroNonce() []byte { return make([]byte, 12) }
