package protocol

// Offer invites a device to a round: the plan with its proofs, the local function, the model to fetch.
type Offer struct {
	Evidence  Evidence // PolicyChange, CodeRelease, Question and RoundOpen in index order
	Code      []byte   // canonical bytes of the local function; their hash is the CodeRelease's
	ModelSize uint64   // bytes of the snapshot file whose hash the RoundOpen names
}

// Type is TypeOffer.
func (*Offer) Type() Type { return TypeOffer }

// Append adds the canonical body.
func (m *Offer) Append(dst []byte) []byte {
	dst = m.Evidence.append(dst)
	dst = appendBytes(dst, m.Code)
	return appendU64(dst, m.ModelSize)
}

func (m *Offer) parse(r *reader) {
	m.Evidence.parse(r)
	m.Code = r.bytes("code", MaxCode)
	m.ModelSize = r.u64("model_size")
}

// ModelGet asks for the part of a model file that starts at Offset.
type ModelGet struct {
	Hash   [32]byte // SHA-256 of the whole file
	Offset uint64   // bytes
}

// Type is TypeModelGet.
func (*ModelGet) Type() Type { return TypeModelGet }

// Append adds the canonical body.
func (m *ModelGet) Append(dst []byte) []byte {
	return appendU64(append(dst, m.Hash[:]...), m.Offset)
}

func (m *ModelGet) parse(r *reader) {
	r.fixed("hash", m.Hash[:])
	m.Offset = r.u64("offset")
}

// ModelPart is a piece of a model file, at most ChunkSize bytes.
type ModelPart struct {
	Hash          [32]byte
	Offset, Total uint64 // bytes: where Data belongs, and the size of the file
	Data          []byte
}

// Type is TypeModelPart.
func (*ModelPart) Type() Type { return TypeModelPart }

// Append adds the canonical body.
func (m *ModelPart) Append(dst []byte) []byte {
	dst = append(dst, m.Hash[:]...)
	dst = appendU64(dst, m.Offset)
	dst = appendU64(dst, m.Total)
	return appendBytes(dst, m.Data)
}

func (m *ModelPart) parse(r *reader) {
	r.fixed("hash", m.Hash[:])
	m.Offset = r.u64("offset")
	m.Total = r.u64("total")
	m.Data = r.bytes("data", ChunkSize)
}

// DeltaGet asks for the part that starts at Offset of the delta which makes the model Hash of the model Base.
type DeltaGet struct {
	Base   [32]byte // SHA-256 of a model file that the device has
	Hash   [32]byte // SHA-256 of the one that it wants
	Offset uint64   // bytes
}

// Type is TypeDeltaGet.
func (*DeltaGet) Type() Type { return TypeDeltaGet }

// Append adds the canonical body.
func (m *DeltaGet) Append(dst []byte) []byte {
	return appendU64(append(append(dst, m.Base[:]...), m.Hash[:]...), m.Offset)
}

func (m *DeltaGet) parse(r *reader) {
	r.fixed("base", m.Base[:])
	r.fixed("hash", m.Hash[:])
	m.Offset = r.u64("offset")
}

// DeltaPart is a piece of a delta, at most ChunkSize bytes. A Total of 0 says that there is no such delta: the device asks for the model.
type DeltaPart struct {
	Base, Hash    [32]byte
	Offset, Total uint64 // bytes: where Data belongs, and the size of the delta
	Data          []byte
}

// Type is TypeDeltaPart.
func (*DeltaPart) Type() Type { return TypeDeltaPart }

// Append adds the canonical body.
func (m *DeltaPart) Append(dst []byte) []byte {
	dst = append(append(dst, m.Base[:]...), m.Hash[:]...)
	dst = appendU64(dst, m.Offset)
	dst = appendU64(dst, m.Total)
	return appendBytes(dst, m.Data)
}

func (m *DeltaPart) parse(r *reader) {
	r.fixed("base", m.Base[:])
	r.fixed("hash", m.Hash[:])
	m.Offset = r.u64("offset")
	m.Total = r.u64("total")
	m.Data = r.bytes("data", ChunkSize)
}
