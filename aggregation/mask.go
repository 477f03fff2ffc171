package aggregation

import (
	"errors"
	"fmt"
)

// Peer is a neighbour whose shares this device holds: its roster index and its mask key.
type Peer struct {
	Index uint32
	SPK   [32]byte
}

// Mask turns x, a clipped, quantised and noised vector mod 2^32, into y in place:
//
//	y = x + PRG(K_own) + Σ_{j>own} PRG(K_own,j) − Σ_{j<own} PRG(K_own,j)
//
// over the neighbours j in peers (design: secure aggregation 7.4). Over a set of members that all masked with each other the
// pair masks cancel. A set of secrets masks one vector, ever: two vectors under the same masks reveal their difference. On
// an error x is unchanged.
func (s *Secrets) Mask(x []uint32, openHash, sid [32]byte, own uint32, peers []Peer) error {
	terms, err := s.maskTerms(openHash, sid, own, peers)
	defer func() { clear(terms) }()
	if err != nil {
		return fmt.Errorf("mask vector: %w", err)
	}
	expandAndAdd(x, terms)
	return nil
}

func (s *Secrets) maskTerms(openHash, sid [32]byte, own uint32, peers []Peer) ([]Term, error) {
	if err := s.live(); err != nil {
		return nil, err
	}
	secret := maskSecret(s.m, openHash)
	defer clear(secret[:])
	seen := make(map[uint32]struct{}, len(peers))
	terms := append(make([]Term, 0, len(peers)+1), Term{Key: [16]byte(SelfMaskKey(s.b, sid))})
	for _, p := range peers {
		if _, twice := seen[p.Index]; twice || p.Index == own {
			return terms, fmt.Errorf("neighbour %d is listed twice or is this device", p.Index)
		}
		seen[p.Index] = struct{}{}
		key, err := pairKey(secret, p.SPK, sid, own, p.Index)
		if err != nil {
			return terms, fmt.Errorf("neighbour %d: %w", p.Index, err)
		}
		terms = append(terms, Term{Key: key, Negative: p.Index < own})
	}
	return terms, nil
}

// pairKey is K_ij, the same from either end.
func pairKey(secret, peerSPK, sid [32]byte, own, peer uint32) ([16]byte, error) {
	if own == peer {
		return [16]byte{}, errors.New("a member has no pair mask with itself")
	}
	shared, err := agree(secret, peerSPK)
	if err != nil {
		return [16]byte{}, err
	}
	return [16]byte(kdf(shared[:], "mask", pairContext(sid, min(own, peer), max(own, peer)), 16)), nil
}
