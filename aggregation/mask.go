package aggregation

import (
	"errors"
	"fmt"
)

// Mask turns x, a clipped, quantised and noised vector, into y in place, mod 2^32 (a vector of narrower words is cut when it is
// written):
//
//	y = x + PRG(K_own) + Σ_{j>own} PRG(K_own,j) − Σ_{j<own} PRG(K_own,j)
//
// over the neighbours j in peers, those whose shares this device holds (secure aggregation 7.4). Over a set of members that
// all masked with each other the pair masks cancel. A set of secrets masks one vector, ever: two vectors under the same masks
// reveal their difference. On an error x is unchanged.
func (s *Secrets) Mask(x []uint32, in Session, own uint32, peers []PeerKey) error {
	m, err := s.Masker(in, own, peers)
	if err != nil {
		return err
	}
	defer m.Zero()
	m.Add(x, 0)
	return nil
}

// Masker gives the same masks for a vector that is worked on in blocks.
func (s *Secrets) Masker(in Session, own uint32, peers []PeerKey) (*Masker, error) {
	terms, err := s.maskTerms(in, own, peers)
	if err != nil {
		clear(terms)
		return nil, fmt.Errorf("mask vector: %w", err)
	}
	return NewMasker(in.Suite, terms), nil
}

func (s *Secrets) maskTerms(in Session, own uint32, peers []PeerKey) ([]Term, error) {
	if err := s.live(); err != nil {
		return nil, err
	}
	if err := in.Suite.Validate(); err != nil {
		return nil, err
	}
	ours := newMaskSecrets(in.Suite.Kex, s.m, in.OpenHash)
	defer ours.zero()
	seen := make(map[uint32]struct{}, len(peers))
	terms := append(make([]Term, 0, len(peers)+1), SelfMask(in, s.b))
	for _, p := range peers {
		if _, twice := seen[p.Index]; twice || p.Index == own {
			return terms, fmt.Errorf("neighbour %d is listed twice or is this device", p.Index)
		}
		seen[p.Index] = struct{}{}
		key, err := ours.pairKey(in, own, p)
		if err != nil {
			return terms, fmt.Errorf("neighbour %d: %w", p.Index, err)
		}
		terms = append(terms, Term{Key: key, Negative: p.Index < own})
	}
	return terms, nil
}

// maskKey cuts or fills what the key schedule gives to the term's 32 bytes.
func maskKey(k []byte) (key [32]byte) {
	copy(key[:], k)
	clear(k)
	return key
}

var errOwnPair = errors.New("a member has no pair mask with itself")

// pairKey is K_ij, the same from either end (secure aggregation 7, 14.1).
func (q *maskSecrets) pairKey(in Session, own uint32, peer PeerKey) ([32]byte, error) {
	if own == peer.Index {
		return [32]byte{}, errOwnPair
	}
	shared, err := agree(q.x, peer.SPK)
	if err != nil {
		return [32]byte{}, err
	}
	ikm := append(make([]byte, 0, 64), shared[:]...)
	defer func() { clear(shared[:]); clear(ikm[:cap(ikm)]) }()
	if in.Suite.Kex == KexXWing {
		ss, err := q.pairKEM(in, own, peer)
		if err != nil {
			return [32]byte{}, err
		}
		ikm = append(ikm, ss[:]...)
		clear(ss[:])
	}
	return maskKey(kdf(ikm, "mask", pairContext(in.SID, min(own, peer.Index), max(own, peer.Index)), in.Suite.keySize())), nil
}

// pairKEM is ss_ij: the lower index encapsulates, the higher opens.
func (q *maskSecrets) pairKEM(in Session, own uint32, peer PeerKey) ([32]byte, error) {
	if own > peer.Index {
		return decapsulate(q.kem, peer.MaskCT)
	}
	ss, ct, err := maskCiphertext(q.m, in.SID, peer)
	if err == nil && peer.MaskCT != nil && !equal(ct, peer.MaskCT) {
		clear(ss[:])
		return [32]byte{}, ErrCiphertext
	}
	return ss, err
}
