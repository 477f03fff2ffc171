package protocol

import "slices"

// Survivors (R3, down) asks for shares, with the proof that the set was logged first.
type Survivors struct {
	SID      [32]byte
	Evidence Evidence // the Survivors entry and every entry since the Roster
	Bitmap   []byte   // one bit for each roster member in index order
}

// Type is TypeSurvivors.
func (*Survivors) Type() Type { return TypeSurvivors }

// Append adds the canonical body.
func (m *Survivors) Append(dst []byte) []byte {
	dst = append(dst, m.SID[:]...)
	dst = m.Evidence.append(dst)
	return appendBytes(dst, m.Bitmap)
}

func (m *Survivors) parse(r *reader) {
	r.fixed("sid", m.SID[:])
	m.Evidence.parse(r)
	m.Bitmap = r.bytes("bitmap", MaxBitmap)
}

// PeerShare is a device's share of one neighbour's secret. It does not print.
type PeerShare struct {
	Index uint32
	Share [32]byte
}

// String hides the share.
func (PeerShare) String() string { return secretWord }

// GoString hides the share.
func (PeerShare) GoString() string { return secretWord }

// Reveal (R3, up) answers: for each surviving neighbour a share of its self mask, for each lost one a share of its mask key.
type Reveal struct {
	SID        [32]byte
	HasOwn     uint8       // 1 when OwnB is given, else 0 and OwnB is zero
	OwnB       [32]byte    // the device's own self-mask secret
	SelfShares []PeerShare // neighbours in U3
	PairShares []PeerShare // neighbours in U2 \ U3
	Sig        [64]byte
	SigPQ      []byte // ML-DSA-44 in suite SigHybrid, else empty
}

// Type is TypeReveal.
func (*Reveal) Type() Type { return TypeReveal }

// String hides the shares.
func (Reveal) String() string { return secretWord }

// GoString hides the shares.
func (Reveal) GoString() string { return secretWord }

// Append adds the canonical body.
func (m *Reveal) Append(dst []byte) []byte {
	// In one piece: bytes that have to grow leave secrets behind.
	dst = slices.Grow(dst, 32+1+32+2*4+(4+32)*(len(m.SelfShares)+len(m.PairShares))+64+4+len(m.SigPQ))
	dst = append(append(dst, m.SID[:]...), m.HasOwn)
	dst = append(dst, m.OwnB[:]...)
	dst = appendShares(dst, m.SelfShares)
	dst = appendShares(dst, m.PairShares)
	return appendSigs(dst, &m.Sig, m.SigPQ)
}

func (m *Reveal) parse(r *reader) {
	r.fixed("sid", m.SID[:])
	m.HasOwn = r.u8("has_own")
	r.fixed("own_b", m.OwnB[:])
	if m.HasOwn > 1 {
		r.fail("has_own", "%d, want 0 or 1", m.HasOwn)
	}
	if m.HasOwn == 0 && m.OwnB != [32]byte{} {
		r.fail("own_b", "given although has_own is 0")
	}
	m.SelfShares = r.shares("self_shares")
	m.PairShares = r.shares("pair_shares")
	m.SigPQ = r.sigs(&m.Sig)
}

// Sign signs the answer with the device's key.
func (m *Reveal) Sign(s Signer) { m.SigPQ = nil; m.Sig, m.SigPQ = signMessage(s, m) }

// Verify checks the signature.
func (m *Reveal) Verify(v Verifier) error { return verifyMessage(v, m, m.Sig, m.SigPQ) }

func appendShares(dst []byte, list []PeerShare) []byte {
	dst = appendU32(dst, uint32(len(list)))
	for i := range list {
		dst = append(appendU32(dst, list[i].Index), list[i].Share[:]...)
	}
	return dst
}

func (r *reader) shares(field string) []PeerShare {
	n := r.count(field, MaxRoster, 4+32)
	if n == 0 {
		return nil
	}
	list := make([]PeerShare, n)
	for i := range list {
		list[i].Index = r.u32(field)
		r.fixed(field, list[i].Share[:])
	}
	return list
}
