package protocol

// Confirm (mode SM, up) is a device's signed word that it was shown this survivor set, before it answers for it (secure aggregation 9.2).
type Confirm struct {
	SID    [32]byte
	Digest [32]byte // SHA-256 of the survivors' bitmap
	Sig    [64]byte
	SigPQ  []byte // ML-DSA-44 in suite SigHybrid, else empty
}

// Type is TypeConfirm.
func (*Confirm) Type() Type { return TypeConfirm }

// Append adds the canonical body.
func (m *Confirm) Append(dst []byte) []byte {
	dst = append(append(dst, m.SID[:]...), m.Digest[:]...)
	return appendSigs(dst, &m.Sig, m.SigPQ)
}

func (m *Confirm) parse(r *reader) {
	r.fixed("sid", m.SID[:])
	r.fixed("digest", m.Digest[:])
	m.SigPQ = r.sigs(&m.Sig)
}

// Sign signs the message with the device's keys.
func (m *Confirm) Sign(s Signer) { m.SigPQ = nil; m.Sig, m.SigPQ = signMessage(s, m) }

// Verify checks the signatures.
func (m *Confirm) Verify(v Verifier) error { return verifyMessage(v, m, m.Sig, m.SigPQ) }

// PeerConfirm is one neighbour's signatures on its Confirm.
type PeerConfirm struct {
	Index uint32
	Sig   [64]byte
	SigPQ []byte
}

// Confirmed (mode SM, down) hands a device its neighbours' confirmations of one survivor set.
type Confirmed struct {
	SID      [32]byte
	Digest   [32]byte
	Confirms []PeerConfirm // neighbours of the recipient in ring order
}

// Type is TypeConfirmed.
func (*Confirmed) Type() Type { return TypeConfirmed }

// Append adds the canonical body.
func (m *Confirmed) Append(dst []byte) []byte {
	dst = append(append(dst, m.SID[:]...), m.Digest[:]...)
	dst = appendU32(dst, uint32(len(m.Confirms)))
	for i := range m.Confirms {
		p := &m.Confirms[i]
		dst = appendSigs(appendU32(dst, p.Index), &p.Sig, p.SigPQ)
	}
	return dst
}

func (m *Confirmed) parse(r *reader) {
	r.fixed("sid", m.SID[:])
	r.fixed("digest", m.Digest[:])
	const least = 4 + 64 + 4
	n := r.count("confirms", MaxRoster, least)
	if n == 0 {
		return
	}
	m.Confirms = make([]PeerConfirm, n)
	for i := range m.Confirms {
		p := &m.Confirms[i]
		p.Index = r.u32("confirm.index")
		r.fixed("confirm.sig", p.Sig[:])
		p.SigPQ = r.whole("confirm.sig_pq", PQSigSize)
		if r.err != nil {
			return
		}
	}
}

// Verify checks entry i as that neighbour's Confirm of this session and digest; v holds the neighbour's keys.
func (m *Confirmed) Verify(i int, v Verifier) error {
	p := &m.Confirms[i]
	return (&Confirm{SID: m.SID, Digest: m.Digest, Sig: p.Sig, SigPQ: p.SigPQ}).Verify(v)
}
