package aggregation

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cloudflare/circl/dh/x25519"
)

// Secrets are what one device makes fresh for one session and never uses again: m, from which its mask keys follow, b, from
// which its self mask follows, and e and f, which open what neighbours seal for it. m and b are shared among the neighbours;
// e and f never are, or a coordinator that has rebuilt m could open shares of b (secure aggregation 3.4).
type Secrets struct {
	m, b [32]byte // ristretto255 scalars, canonical
	e    [32]byte // X25519
	f    [32]byte // seed of the X-Wing sharing key
}

// secretsSize is m ‖ b ‖ e ‖ f.
const secretsSize = 128

// NewSecrets draws the secrets of one session. random must be a cryptographic source.
func NewSecrets(random io.Reader) (*Secrets, error) {
	s := new(Secrets)
	for _, k := range []*[32]byte{&s.m, &s.b} {
		scalar, err := randomScalar(random)
		if err != nil {
			return nil, fmt.Errorf("draw session secrets: %w", err)
		}
		copy(k[:], scalarBytes(scalar))
		scalar.SetUint64(0)
	}
	for _, k := range []*[32]byte{&s.e, &s.f} {
		if _, err := io.ReadFull(random, k[:]); err != nil {
			return nil, fmt.Errorf("draw session secrets: %w", err)
		}
	}
	if err := s.live(); err != nil {
		return nil, fmt.Errorf("draw session secrets: %w", err)
	}
	return s, nil
}

// Public is what a device says of its session secrets: SPK, the X25519 key that pair masks are agreed with; EPK, the X25519
// key that shares are sealed to; BC, the commitment to b; KEM, in key agreement 2, the X-Wing keys of masks and of sharing.
type Public struct {
	SPK, EPK, BC [32]byte
	KEM          []byte // KEMSize bytes, or nil
}

// PeerKey is a neighbour as its session keys show it.
type PeerKey struct {
	Index    uint32
	SPK, EPK [32]byte
	KEM      []byte // key agreement 2: its two X-Wing keys
	MaskCT   []byte // key agreement 2: the ciphertext of this pair, which the lower index made
}

// Public derives the public half for the round that was opened by openHash with this key agreement.
func (s *Secrets) Public(openHash [32]byte, kex uint16) (Public, error) {
	if err := s.live(); err != nil {
		return Public{}, fmt.Errorf("derive session keys: %w", err)
	}
	p := Public{SPK: maskPublic(s.m, openHash), EPK: publicKey(s.e), BC: commitB(s.b, openHash)}
	for _, k := range [][32]byte{p.SPK, p.EPK} {
		if err := CheckPublicKey(k); err != nil {
			return Public{}, fmt.Errorf("derive session keys: %w", err)
		}
	}
	if kex == KexXWing {
		p.KEM = publicKEM(s.m, s.f, openHash)
	}
	return p, nil
}

var errZeroed = errors.New("session secrets are zero: they were erased, or their source is broken; join the next round with fresh ones")

// live refuses erased secrets: masks and boxes made from zeros could be taken off by anyone.
func (s *Secrets) live() error {
	if zero := [32]byte{}; s.m == zero || s.b == zero || s.e == zero || s.f == zero {
		return errZeroed
	}
	return nil
}

// B is the secret of the self mask. A survivor may reveal it: the coordinator learns nothing that the shares would not
// rebuild (secure aggregation 9, R3). It must never leave a device that is not among the survivors.
func (s *Secrets) B() [32]byte { return s.b }

// Zero forgets the secrets.
func (s *Secrets) Zero() { *s = Secrets{} }

// MarshalBinary gives the 128 bytes m ‖ b ‖ e ‖ f, for the device's own sealed state.
func (s *Secrets) MarshalBinary() ([]byte, error) {
	out := append(make([]byte, 0, secretsSize), s.m[:]...)
	out = append(out, s.b[:]...)
	out = append(out, s.e[:]...)
	return append(out, s.f[:]...), nil
}

// UnmarshalBinary reads what MarshalBinary wrote. It refuses scalars that are not canonical, and secrets that were erased. On
// an error s is unchanged.
func (s *Secrets) UnmarshalBinary(b []byte) error {
	if len(b) != secretsSize {
		return fmt.Errorf("read session secrets: %d bytes, want %d", len(b), secretsSize)
	}
	for _, k := range [][]byte{b[:32], b[32:64]} {
		if _, err := parseScalar([32]byte(k)); err != nil {
			return fmt.Errorf("read session secrets: %w", err)
		}
	}
	read := Secrets{m: [32]byte(b[:32]), b: [32]byte(b[32:64]), e: [32]byte(b[64:96]), f: [32]byte(b[96:])}
	if err := read.live(); err != nil {
		return fmt.Errorf("read session secrets: %w", err)
	}
	*s = read
	return nil
}

// SessionID names one aggregation: everything that must be common to the devices of a sum goes into it, and it goes into
// every mask key. openHash covers the model, so masks of devices that trained on different models do not cancel (the attack
// of arXiv 2111.07380; secure aggregation 7.1).
func SessionID(openHash, rosterHash, graphSeed [32]byte, cohort uint32) [32]byte {
	return hash("sid", openHash[:], rosterHash[:], graphSeed[:], binary.BigEndian.AppendUint32(nil, cohort))
}

var (
	errLowOrder     = errors.New("public key has low order: it agrees on the same secret with everyone; refuse its owner")
	errNotCanonical = errors.New("public key is not a canonical point: two encodings could pass for two keys; refuse its owner")
)

// CheckPublicKey refuses an X25519 key that is not the canonical encoding of a coordinate below 2^255 − 19, or whose point
// has low order, so that the agreed secret would be all zero (RFC 7748 §6.1).
func CheckPublicKey(k [32]byte) error {
	if !canonicalPoint(k) {
		return errNotCanonical
	}
	switch k {
	case [32]byte{}, [32]byte{1}, orderEight, otherOrderEight, minusOne:
		return errLowOrder
	}
	return nil
}

// The canonical coordinates of low order are 0, 1, p−1 and two of order 8, on the curve and its twist together. Comparing
// with them costs nothing beside an X25519, and a device checks two keys of every neighbour; agree refuses the all-zero
// result in any case.
var (
	orderEight = [32]byte{0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
		0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00}
	otherOrderEight = [32]byte{0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b,
		0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57}
	minusOne = [32]byte{0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}
)

// canonicalPoint reports whether k, little-endian, is below 2^255 − 19.
func canonicalPoint(k [32]byte) bool {
	if k[31] != 0x7f {
		return k[31] < 0x7f
	}
	for _, b := range k[1:31] {
		if b != 0xff {
			return true
		}
	}
	return k[0] < 0xed
}

// agree is X25519. circl reports the all-zero result as false, which is honoured here.
func agree(secret, public [32]byte) ([32]byte, error) {
	var shared x25519.Key
	s, p := x25519.Key(secret), x25519.Key(public)
	ok := x25519.Shared(&shared, &s, &p)
	if !ok || subtle.ConstantTimeCompare(shared[:], make([]byte, 32)) == 1 {
		return [32]byte{}, errLowOrder
	}
	return shared, nil
}

func publicKey(secret [32]byte) [32]byte {
	var p x25519.Key
	s := x25519.Key(secret)
	x25519.KeyGen(&p, &s)
	return p
}

// maskSecret is s_i, the X25519 secret of pair masks: a function of m, so that whoever rebuilds m can derive it.
func maskSecret(m, openHash [32]byte) [32]byte {
	return [32]byte(kdf(m[:], "x25519", openHash[:], 32))
}

func maskPublic(m, openHash [32]byte) [32]byte { return publicKey(maskSecret(m, openHash)) }

func commitB(b, openHash [32]byte) [32]byte { return hash("bcommit", openHash[:], b[:]) }
