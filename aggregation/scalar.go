package aggregation

import (
	"errors"
	"fmt"
	"io"

	"github.com/cloudflare/circl/group"
)

// Secrets are shared in the scalar field of ristretto255, the integers mod ℓ = 2^252 + 27742317777372353535851937790883648493,
// 32 bytes little-endian, canonical only (RFC 9496 §4.4).

var errScalar = errors.New("scalar is not canonical (not below the group order)")

func parseScalar(b [32]byte) (group.Scalar, error) {
	s := group.Ristretto255.NewScalar()
	if err := s.UnmarshalBinary(b[:]); err != nil {
		return nil, errScalar
	}
	return s, nil
}

func scalarBytes(s group.Scalar) []byte {
	b, err := s.MarshalBinary()
	if err != nil {
		panic("aggregation: encode scalar: " + err.Error()) // ristretto255 scalars always encode
	}
	return b
}

// drawTries bounds randomScalar: a fair source fails half of the tries, so that 256 failures mean a broken one.
const drawTries = 256

// randomScalar draws a uniform scalar by rejection from 253 bits. Zero, which a fair source never gives, is drawn again. (The group's own RandomScalar ignores the reader that it
// is given.)
func randomScalar(random io.Reader) (group.Scalar, error) {
	var b [32]byte
	defer clear(b[:])
	for range drawTries {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return nil, fmt.Errorf("draw scalar: %w", err)
		}
		b[31] &= 0x1f
		if s, err := parseScalar(b); err == nil && !s.IsZero() {
			return s, nil
		}
	}
	return nil, fmt.Errorf("draw scalar: the random source gave %d values in a row that are zero or above the group order; it is broken", drawTries)
}
