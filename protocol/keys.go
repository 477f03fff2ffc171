package protocol

import "fmt"

// Lengths of a KeyBundle in bytes: with every post-quantum field empty, and with all of them.
const (
	KeyBundleSize       = CertSize + 3*32 + 4 + 4 + 64 + 4                     // 303
	KeyBundleHybridSize = KeyBundleSize + KEMKeysSize + CertPQSize + PQSigSize // 8887
)

// KeyBundle is a device's keys for one round, which everybody on the roster can check (secure aggregation 9, R0).
type KeyBundle struct {
	Cert   Cert
	SPK    [32]byte // X25519, mask key
	EPK    [32]byte // X25519, sharing key
	BC     [32]byte // commitment to the self-mask secret
	KEM    []byte   // X-Wing mask key ‖ X-Wing sharing key, KEMKeysSize bytes; empty without them
	CertPQ []byte   // the hybrid certificate's second half, CertPQSize bytes; empty in suite SigEd25519
	Sig    [64]byte // by the certificate's key over label ‖ open_hash ‖ the fields above
	SigPQ  []byte   // the same by its ML-DSA key; empty in suite SigEd25519
}

// Bytes is the canonical encoding.
func (k *KeyBundle) Bytes() []byte { return k.append(make([]byte, 0, k.size())) }

func (k *KeyBundle) size() int { return KeyBundleSize + len(k.KEM) + len(k.CertPQ) + len(k.SigPQ) }

// ParseKeyBundle reads exactly one bundle, into which the result's byte strings point. It checks no signature; Verify does.
func ParseKeyBundle(b []byte) (KeyBundle, error) {
	var k KeyBundle
	r := &reader{b: b}
	k.parse(r)
	if r.err == nil && len(r.b) > 0 {
		r.fail("end", "%d bytes follow the last field", len(r.b))
	}
	if r.err != nil {
		return KeyBundle{}, fmt.Errorf("parse key bundle: %w", r.err)
	}
	return k, nil
}

// Sign signs the bundle for the round of openHash with the keys that the certificate names.
func (k *KeyBundle) Sign(s Signer, openHash [32]byte) {
	k.Sig, k.SigPQ = s.sign("advertise", k.signed(openHash))
}

// Verify checks the signatures against the bundle's own certificate, which itself is checked with Cert.Verify and, in suite SigHybrid,
// with VerifyPQ: pq is the ML-DSA key that VerifyPQ found. In suite SigEd25519 pq is nil, and CertPQ and SigPQ must be empty.
func (k *KeyBundle) Verify(openHash [32]byte, pq *PQPublicKey) error {
	v := Verifier{Ed: k.Cert.IDPK[:], PQ: pq}
	err := v.verify("advertise", k.signed(openHash), k.Sig, k.SigPQ)
	if err == nil && (pq == nil) != (len(k.CertPQ) == 0) {
		err = fmt.Errorf("%w: %w: a hybrid certificate of %d bytes", ErrBadSignature, ErrSuite, len(k.CertPQ))
	}
	if err != nil {
		return fmt.Errorf("verify key bundle of %x: %w", k.Cert.IDPK[:4], err)
	}
	return nil
}

func (k *KeyBundle) signed(openHash [32]byte) []byte {
	b := append(make([]byte, 0, 32+k.size()), openHash[:]...)
	b = k.append(b)
	return b[:len(b)-tail(k.SigPQ)]
}

func (k *KeyBundle) append(dst []byte) []byte {
	dst = k.Cert.append(dst)
	dst = append(dst, k.SPK[:]...)
	dst = append(dst, k.EPK[:]...)
	dst = append(dst, k.BC[:]...)
	dst = appendBytes(dst, k.KEM)
	dst = appendBytes(dst, k.CertPQ)
	return appendSigs(dst, &k.Sig, k.SigPQ)
}

func (k *KeyBundle) parse(r *reader) {
	k.Cert.parse(r)
	r.fixed("spk", k.SPK[:])
	r.fixed("epk", k.EPK[:])
	r.fixed("bc", k.BC[:])
	k.KEM = r.whole("kem", KEMKeysSize)
	k.CertPQ = r.whole("cert_pq", CertPQSize)
	k.SigPQ = r.sigs(&k.Sig)
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
	Evidence       Evidence
	SeedCheckpoint []byte     // the cosigned checkpoint whose cosignatures seed the graph; empty without a cosigned seed
	SeedProof      [][32]byte // RFC 6962 inclusion proof of the Roster entry in that checkpoint's tree
	OpenHash       [32]byte
	Index          uint32 // the recipient's place
	Peers          []PeerKeys
}

// Type is TypeRoster.
func (*Roster) Type() Type { return TypeRoster }

// Append adds the canonical body.
func (m *Roster) Append(dst []byte) []byte {
	dst = m.Evidence.append(dst)
	dst = appendBytes(dst, m.SeedCheckpoint)
	dst = appendHashes(dst, m.SeedProof)
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
	m.SeedCheckpoint = r.bytes("seed_checkpoint", MaxCheckpoint)
	m.SeedProof = r.hashes("seed_proof", MaxProof)
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
