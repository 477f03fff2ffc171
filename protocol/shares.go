package protocol

import "crypto/ed25519"

// Shares (R1, up) carries a device's sealed shares, one for each neighbour.
type Shares struct {
	SID    [32]byte
	Sealed [][80]byte // neighbours in ring order
	Sig    [64]byte   // by the device over everything above
}

// Type is TypeShares.
func (*Shares) Type() Type { return TypeShares }

// Append adds the canonical body.
func (m *Shares) Append(dst []byte) []byte {
	dst = append(dst, m.SID[:]...)
	dst = appendBoxes(dst, m.Sealed)
	return append(dst, m.Sig[:]...)
}

func (m *Shares) parse(r *reader) {
	r.fixed("sid", m.SID[:])
	m.Sealed = r.boxes("sealed", MaxRoster)
	r.fixed("sig", m.Sig[:])
}

// Sign signs the message with the device's key.
func (m *Shares) Sign(key ed25519.PrivateKey) { m.Sig = signMessage(key, m) }

// Verify checks the signature.
func (m *Shares) Verify(key ed25519.PublicKey) error { return verifyMessage(key, m, m.Sig) }

// Delivery (R2, down) hands a device the shares that its neighbours sealed for it.
type Delivery struct {
	SID     [32]byte
	Present []byte     // bitmap over the neighbours in ring order: who finished R1
	Sealed  [][80]byte // one box for each bit that is set, in that order
}

// Type is TypeDelivery.
func (*Delivery) Type() Type { return TypeDelivery }

// Append adds the canonical body.
func (m *Delivery) Append(dst []byte) []byte {
	dst = append(dst, m.SID[:]...)
	dst = appendBytes(dst, m.Present)
	return appendBoxes(dst, m.Sealed)
}

func (m *Delivery) parse(r *reader) {
	r.fixed("sid", m.SID[:])
	m.Present = r.bytes("present", MaxBitmap)
	m.Sealed = r.boxes("sealed", MaxRoster)
}
