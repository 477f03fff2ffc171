package aggregation

import (
	"errors"
	"fmt"
)

// How the members of a session agree on keys (secure aggregation 3.3).
const (
	KexX25519 uint16 = 1 // X25519
	KexXWing  uint16 = 2 // X25519 and X-Wing beside it, which a quantum computer does not open
)

// What expands a mask key (secure aggregation 6.3).
const (
	PRGAES128   uint16 = 1 // AES-128-CTR, the default: devices have instructions for it
	PRGAES256   uint16 = 2 // AES-256-CTR
	PRGChaCha20 uint16 = 3 // ChaCha20 (RFC 8439), for devices without AES instructions
)

// Suite is what a round chooses: key agreement, mask generator and the bits of a vector's words.
type Suite struct{ Kex, PRG, WordBits uint16 }

// Validate refuses tags that csa1 does not have.
func (s Suite) Validate() error {
	if s.Kex != KexX25519 && s.Kex != KexXWing {
		return fmt.Errorf("check suite: key agreement %d is unknown, want 1 (X25519) or 2 (X25519 + X-Wing)", s.Kex)
	}
	return Shape{WordBits: s.WordBits, PRG: s.PRG}.Validate()
}

// Shape is that of d words of the suite.
func (s Suite) Shape(d int) Shape { return Shape{D: d, WordBits: s.WordBits, PRG: s.PRG} }

// Shape says what a vector is made of, and what masks it.
type Shape struct {
	D        int // words
	WordBits uint16
	PRG      uint16
}

// Validate refuses a length that no vector has, and tags that csa1 does not have.
func (s Shape) Validate() error {
	switch {
	case s.D < 0 || s.D > MaxWords:
		return fmt.Errorf("check shape: d is %d words, want at most %d", s.D, MaxWords)
	case s.WordBits != 32 && s.WordBits != 24 && s.WordBits != 16:
		return fmt.Errorf("check suite: word_bits is %d, want 32, 24 or 16", s.WordBits)
	case s.PRG < PRGAES128 || s.PRG > PRGChaCha20:
		return fmt.Errorf("check suite: mask generator %d is unknown, want 1 (AES-128-CTR), 2 (AES-256-CTR) or 3 (ChaCha20)", s.PRG)
	}
	return nil
}

// Bytes is the length of the vector on the wire.
func (s Shape) Bytes() int { return s.D * int(s.WordBits/8) }

// keySize is L of the key schedule, in bytes (secure aggregation 7).
func (s Suite) keySize() int {
	if s.PRG == PRGAES128 {
		return 16
	}
	return 32
}

// Session is one aggregation: what all members of a sum have in common. All of it goes into every key.
type Session struct {
	Suite    Suite
	OpenHash [32]byte
	SID      [32]byte
}

// ErrCiphertext means that a member sent another X-Wing ciphertext than the one that follows from its secrets, so that its
// pair mask cannot be taken off.
var ErrCiphertext = errors.New("X-Wing ciphertext is not the one that its sender's secrets give")
