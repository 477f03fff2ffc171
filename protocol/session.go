package protocol

// Hello is the first message on a connection, from the device.
type Hello struct {
	TreeSize uint64   // size of the newest log tree the device has verified, 0 for none
	Round    uint64   // the round it still takes part in, 0 for none
	OpenHash [32]byte // that round's RoundOpen, zero for none
}

// Type is TypeHello.
func (*Hello) Type() Type { return TypeHello }

// Append adds the canonical body.
func (m *Hello) Append(dst []byte) []byte {
	dst = appendU64(dst, m.TreeSize)
	dst = appendU64(dst, m.Round)
	return append(dst, m.OpenHash[:]...)
}

func (m *Hello) parse(r *reader) {
	m.TreeSize = r.u64("tree_size")
	m.Round = r.u64("round")
	r.fixed("open_hash", m.OpenHash[:])
}

// Welcome answers Hello.
type Welcome struct {
	Evidence   Evidence
	LastHeader []byte // body of the last Input that this device's key signed, empty for none: a device with an older ledger must stop
	Round      uint64 // the coordinator's current round, 0 for none
}

// Type is TypeWelcome.
func (*Welcome) Type() Type { return TypeWelcome }

// Append adds the canonical body.
func (m *Welcome) Append(dst []byte) []byte {
	dst = m.Evidence.append(dst)
	dst = appendBytes(dst, m.LastHeader)
	return appendU64(dst, m.Round)
}

func (m *Welcome) parse(r *reader) {
	m.Evidence.parse(r)
	m.LastHeader = r.bytes("last_header", MaxHeader)
	m.Round = r.u64("round")
}

// Close tells a device how its round ended and completes its receipt.
type Close struct {
	OpenHash   [32]byte
	Evidence   Evidence   // the RoundClose or Abort entry
	InputProof [][32]byte // path from this device's input to inputs_root, empty when it was not among the survivors
	InputIndex uint32     // its leaf in that tree
}

// Type is TypeClose.
func (*Close) Type() Type { return TypeClose }

// Append adds the canonical body.
func (m *Close) Append(dst []byte) []byte {
	dst = append(dst, m.OpenHash[:]...)
	dst = m.Evidence.append(dst)
	dst = appendHashes(dst, m.InputProof)
	return appendU32(dst, m.InputIndex)
}

func (m *Close) parse(r *reader) {
	r.fixed("open_hash", m.OpenHash[:])
	m.Evidence.parse(r)
	m.InputProof = r.hashes("input_proof", MaxProof)
	m.InputIndex = r.u32("input_index")
}

// HangUp is the last message on a connection, from either side.
type HangUp struct {
	Code       Code
	Detail     string // for a person: what happened and what to do, UTF-8, at most MaxDetail bytes
	RetryAfter uint32 // seconds to wait before connecting again, 0 for no wish
}

// Type is TypeHangUp.
func (*HangUp) Type() Type { return TypeHangUp }

// Append adds the canonical body. A Detail that is too long or not UTF-8 is cut or cleaned, so that a hang-up can always be sent.
func (m *HangUp) Append(dst []byte) []byte {
	dst = appendU16(dst, uint16(m.Code))
	dst = appendBytes(dst, cleanDetail(m.Detail))
	return appendU32(dst, m.RetryAfter)
}

func (m *HangUp) parse(r *reader) {
	m.Code = Code(r.u16("code"))
	m.Detail = r.text("detail", MaxDetail)
	m.RetryAfter = r.u32("retry_after")
}
