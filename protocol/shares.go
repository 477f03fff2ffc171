package protocol

// Shares (R1, up) carries a device's sealed shares, one for each neighbour, and in the post-quantum key suite the encapsulations.
type Shares struct {
	SID      [32]byte
	Sealed   [][80]byte             // neighbours in ring order
	ShareCTs [][CiphertextSize]byte // for the sealing keys: neighbours in ring order
	MaskCTs  [][CiphertextSize]byte // for the mask keys: neighbours of a greater index in ring order
	Sig      [64]byte               // by the device over everything above
	SigPQ    []byte                 // ML-DSA-44 in suite SigHybrid, else empty
}

// Type is TypeShares.
func (*Shares) Type() Type { return TypeShares }

// Append adds the canonical body.
func (m *Shares) Append(dst []byte) []byte {
	dst = append(dst, m.SID[:]...)
	dst = appendBoxes(dst, m.Sealed)
	dst = appendCiphertexts(dst, m.ShareCTs)
	dst = appendCiphertexts(dst, m.MaskCTs)
	return appendSigs(dst, &m.Sig, m.SigPQ)
}

func (m *Shares) parse(r *reader) {
	r.fixed("sid", m.SID[:])
	m.Sealed = r.boxes("sealed", MaxRoster)
	m.ShareCTs = r.ciphertexts("share_cts", MaxRoster)
	m.MaskCTs = r.ciphertexts("mask_cts", MaxRoster)
	m.SigPQ = r.sigs(&m.Sig)
}

// Sign signs the message with the device's key.
func (m *Shares) Sign(s Signer) { m.SigPQ = nil; m.Sig, m.SigPQ = signMessage(s, m) }

// Verify checks the signature.
func (m *Shares) Verify(v Verifier) error { return verifyMessage(v, m, m.Sig, m.SigPQ) }

// Delivery (R2, down) hands a device the shares that its neighbours sealed for it.
type Delivery struct {
	SID      [32]byte
	Present  []byte                 // bitmap over the neighbours in ring order: who finished R1
	Sealed   [][80]byte             // one box for each bit that is set, in that order
	ShareCTs [][CiphertextSize]byte // one for each box
	MaskCTs  [][CiphertextSize]byte // one for each bit set that is a neighbour of a smaller index, in that order
}

// Type is TypeDelivery.
func (*Delivery) Type() Type { return TypeDelivery }

// Append adds the canonical body.
func (m *Delivery) Append(dst []byte) []byte {
	dst = append(dst, m.SID[:]...)
	dst = appendBytes(dst, m.Present)
	dst = appendBoxes(dst, m.Sealed)
	dst = appendCiphertexts(dst, m.ShareCTs)
	return appendCiphertexts(dst, m.MaskCTs)
}

func (m *Delivery) parse(r *reader) {
	r.fixed("sid", m.SID[:])
	m.Present = r.bytes("present", MaxBitmap)
	m.Sealed = r.boxes("sealed", MaxRoster)
	m.ShareCTs = r.ciphertexts("share_cts", MaxRoster)
	m.MaskCTs = r.ciphertexts("mask_cts", MaxRoster)
}
