package protocol

// Input (R2, up) is the signed header of a masked vector, whose bytes follow in Chunks.
type Input struct {
	SID        [32]byte
	MaskedWith []byte     // bitmap over the neighbours in ring order: whom this device masked with
	Failed     []uint32   // indices of neighbours whose box did not open
	Length     uint64     // bytes of the vector
	Chunks     [][32]byte // SHA-256 of each ChunkSize piece
	YHash      [32]byte   // SHA-256 of the whole vector
	LedgerSeq  uint64     // the device's privacy ledger entry for this round
	Sig        [64]byte
	SigPQ      []byte // ML-DSA-44 in suite SigHybrid, else empty
}

// Type is TypeInput.
func (*Input) Type() Type { return TypeInput }

// Append adds the canonical body.
func (m *Input) Append(dst []byte) []byte {
	dst = append(dst, m.SID[:]...)
	dst = appendBytes(dst, m.MaskedWith)
	dst = appendU32(dst, uint32(len(m.Failed)))
	for _, i := range m.Failed {
		dst = appendU32(dst, i)
	}
	dst = appendU64(dst, m.Length)
	dst = appendHashes(dst, m.Chunks)
	dst = append(dst, m.YHash[:]...)
	dst = appendU64(dst, m.LedgerSeq)
	return appendSigs(dst, &m.Sig, m.SigPQ)
}

func (m *Input) parse(r *reader) {
	r.fixed("sid", m.SID[:])
	m.MaskedWith = r.bytes("masked_with", MaxBitmap)
	if n := r.count("failed", MaxRoster, 4); n > 0 {
		m.Failed = make([]uint32, n)
		for i := range m.Failed {
			m.Failed[i] = r.u32("failed")
		}
	}
	m.Length = r.u64("length")
	m.Chunks = r.hashes("chunks", MaxChunks)
	r.fixed("y_hash", m.YHash[:])
	m.LedgerSeq = r.u64("ledger_seq")
	m.SigPQ = r.sigs(&m.Sig)
}

// Sign signs the header with the device's key.
func (m *Input) Sign(s Signer) { m.SigPQ = nil; m.Sig, m.SigPQ = signMessage(s, m) }

// Verify checks the signature.
func (m *Input) Verify(v Verifier) error { return verifyMessage(v, m, m.Sig, m.SigPQ) }

// InputState tells a device how much of its vector is durable; it goes on from there.
type InputState struct {
	SID    [32]byte
	Offset uint64 // bytes
}

// Type is TypeInputState.
func (*InputState) Type() Type { return TypeInputState }

// Append adds the canonical body.
func (m *InputState) Append(dst []byte) []byte { return appendU64(append(dst, m.SID[:]...), m.Offset) }

func (m *InputState) parse(r *reader) {
	r.fixed("sid", m.SID[:])
	m.Offset = r.u64("offset")
}

// Chunk is a piece of a masked vector, at most ChunkSize bytes.
type Chunk struct {
	SID    [32]byte
	Offset uint64 // bytes
	Data   []byte
}

// Type is TypeChunk.
func (*Chunk) Type() Type { return TypeChunk }

// Append adds the canonical body.
func (m *Chunk) Append(dst []byte) []byte {
	dst = appendU64(append(dst, m.SID[:]...), m.Offset)
	return appendBytes(dst, m.Data)
}

func (m *Chunk) parse(r *reader) {
	r.fixed("sid", m.SID[:])
	m.Offset = r.u64("offset")
	m.Data = r.bytes("data", ChunkSize)
}

// Receipt is the coordinator's signed word that a vector is durable.
type Receipt struct {
	SID   [32]byte
	Index uint32
	YHash [32]byte
	Sig   [64]byte // by the coordinator
	SigPQ []byte   // ML-DSA-44 in suite SigHybrid, else empty
}

// Type is TypeReceipt.
func (*Receipt) Type() Type { return TypeReceipt }

// Append adds the canonical body.
func (m *Receipt) Append(dst []byte) []byte {
	dst = appendU32(append(dst, m.SID[:]...), m.Index)
	dst = append(dst, m.YHash[:]...)
	return appendSigs(dst, &m.Sig, m.SigPQ)
}

func (m *Receipt) parse(r *reader) {
	r.fixed("sid", m.SID[:])
	m.Index = r.u32("index")
	r.fixed("y_hash", m.YHash[:])
	m.SigPQ = r.sigs(&m.Sig)
}

// Sign signs the receipt with the coordinator's key.
func (m *Receipt) Sign(s Signer) { m.SigPQ = nil; m.Sig, m.SigPQ = signMessage(s, m) }

// Verify checks the signature.
func (m *Receipt) Verify(v Verifier) error { return verifyMessage(v, m, m.Sig, m.SigPQ) }
