package protocol

import (
	"crypto/ed25519"
	"fmt"
)

// KeyBundleSize is the length of a KeyBundle in bytes.
const KeyBundleSize = CertSize + 3*32 + 64

// KeyBundle is a device's keys for one round: 291 bytes that everybody on the roster can check (design: secure aggregation 9, R0).
type KeyBundle struct {
	Cert Cert
	SPK  [32]byte // X25519, mask key
	EPK  [32]byte // X25519, sharing key
	BC   [32]byte // commitment to the self-mask secret
	Sig  [64]byte // by the certificate's key over label ‖ open_hash ‖ the fields above
}

// Bytes is the canonical encoding.
func (k *KeyBundle) Bytes() [KeyBundleSize]byte {
	var b [KeyBundleSize]byte
	k.append(b[:0])
	return b
}

// ParseKeyBundle reads exactly 291 bytes. It checks no signature; Verify does.
func ParseKeyBundle(b []byte) (KeyBundle, error) {
	var k KeyBundle
	r := &reader{b: b}
	k.parse(r)
	if r.err == nil && len(r.b) > 0 {
		r.fail("end", "%d bytes, want %d", len(b), KeyBundleSize)
	}
	if r.err != nil {
		return KeyBundle{}, fmt.Errorf("parse key bundle: %w", r.err)
	}
	return k, nil
}

// Sign signs the bundle for the round of openHash with the key that the certificate names.
func (k *KeyBundle) Sign(key ed25519.PrivateKey, openHash [32]byte) {
	k.Sig = sign(key, "advertise", k.signed(openHash))
}

// Verify checks the signature against the bundle's own certificate; the certificate itself is checked with Cert.Verify.
func (k *KeyBundle) Verify(openHash [32]byte) error {
	if err := verify(k.Cert.IDPK[:], "advertise", k.signed(openHash), k.Sig); err != nil {
		return fmt.Errorf("verify key bundle of %x: %w", k.Cert.IDPK[:4], err)
	}
	return nil
}

func (k *KeyBundle) signed(openHash [32]byte) []byte {
	b := append(make([]byte, 0, 32+KeyBundleSize), openHash[:]...)
	b = k.append(b)
	return b[:len(b)-64]
}

func (k *KeyBundle) append(dst []byte) []byte {
	dst = k.Cert.append(dst)
	dst = append(dst, k.SPK[:]...)
	dst = append(dst, k.EPK[:]...)
	dst = append(dst, k.BC[:]...)
	return append(dst, k.Sig[:]...)
}

func (k *KeyBundle) parse(r *reader) {
	k.Cert.parse(r)
	r.fixed("spk", k.SPK[:])
	r.fixed("epk", k.EPK[:])
	r.fixed("bc", k.BC[:])
	r.fixed("sig", k.Sig[:])
}

// Advertise (R0) joins a round.
type Advertise struct {
	OpenHash [32]byte
	Key      KeyBundle
}

// Type is TypeAdvertise.
func (*Advertise) Type() Type { return TypeAdvertise }

// Append adds the canonical body.
func (m *Advertise) Append(dst []byte) []byte {
	return m.Key.append(append(dst, m.OpenHash[:]...))
}

func (m *Advertise) parse(r *reader) {
	r.fixed("open_hash", m.OpenHash[:])
	m.Key.parse(r)
}

// PeerKeys is one roster member as another member gets to see it.
type PeerKeys struct {
	Index uint32
	Key   KeyBundle
	Proof [][32]byte // path to roster_root
}

// Roster (R1, down) gives a device the frozen roster: its own entry and those of all its neighbours.
type Roster struct {
	Evidence Evidence
	OpenHash [32]byte
	Index    uint32 // the recipient's place
	Peers    []PeerKeys
}

// Type is TypeRoster.
func (*Roster) Type() Type { return TypeRoster }

// Append adds the canonical body.
func (m *Roster) Append(dst []byte) []byte {
	dst = m.Evidence.append(dst)
	dst = append(dst, m.OpenHash[:]...)
	dst = appendU32(dst, m.Index)
	dst = appendU32(dst, uint32(len(m.Peers)))
	for i := range m.Peers {
		p := &m.Peers[i]
		dst = appendU32(dst, p.Index)
		dst = p.Key.append(dst)
		dst = appendHashes(dst, p.Proof)
	}
	return dst
}

func (m *Roster) parse(r *reader) {
	m.Evidence.parse(r)
	r.fixed("open_hash", m.OpenHash[:])
	m.Index = r.u32("index")
	const least = 4 + KeyBundleSize + 4
	n := r.count("peers", MaxRoster, least)
	if n == 0 {
		return
	}
	m.Peers = make([]PeerKeys, n)
	for i := range m.Peers {
		p := &m.Peers[i]
		p.Index = r.u32("peer.index")
		p.Key.parse(r)
		p.Proof = r.hashes("peer.proof", MaxProof)
		if r.err != nil {
			return
		}
	}
}
