package audit

// RoundOpen fixes every parameter of a round before a device hears of it (secure aggregation 8.1). Its hash(entry), open_hash,
// covers the model and enters every mask key.
type RoundOpen struct {
	Round         uint64   // rises from round to round
	OpenedAt      uint64   // Unix seconds
	PrevRound     [32]byte // hash(entry) of the RoundClose or Abort before it; zero for the first round
	Question      [32]byte // hash(entry) of the logged question
	ModelIn       [32]byte // SHA-256 of the snapshot file that devices start from
	CodeHash      [32]byte
	LayoutHash    [32]byte
	D             uint32 // vector length in words
	WordBits      uint16
	XMax          uint32
	Kex, PRG, Sig uint16 // suites
	Mode          uint16 // 1 = W, 2 = SM, 3 = SH
	SeedKind      uint16 // 1 = cosigned, 2 = beacon, 3 = plain
	GammaBP       uint16
	DeltaBP       uint16
	Lambda, Eta   uint16
	NTarget       uint32
	NMin          uint32
	Cohorts       uint32
	C             uint32 // clip, float32 bits
	CInt          uint32
	SigmaTotSq    uint64 // grid units squared
	SigmaBitSq    uint64 // noise of the clip bit, grid units squared; 0 = no clip bit
	RhoUnits      uint64 // charge, in 2^-40 of ρ, rounded up
	P, B          uint32
	Deadlines     [5]uint32 // seconds after OpenedAt: keys, shares, inputs, unmask, settle
	WitnessPolicy [32]byte  // zero = no witnesses
}

// Words is the length of a round's vectors: D, and one word more where there is a clip bit.
func (r *RoundOpen) Words() int {
	if r.SigmaBitSq != 0 {
		return int(r.D) + 1
	}
	return int(r.D)
}

// BitSize is B, the magnitude of the clip bit in grid units (privacy 12).
func (r *RoundOpen) BitSize() uint32 { return min(64, r.XMax) }

func (*RoundOpen) kind() Kind { return KindRoundOpen }

func (r *RoundOpen) fields(c *codec) {
	c.u64(&r.Round)
	c.u64(&r.OpenedAt)
	c.hash(&r.PrevRound)
	c.hash(&r.Question)
	c.hash(&r.ModelIn)
	c.hash(&r.CodeHash)
	c.hash(&r.LayoutHash)
	c.u32(&r.D)
	c.u16(&r.WordBits)
	c.u32(&r.XMax)
	c.u16(&r.Kex)
	c.u16(&r.PRG)
	c.u16(&r.Sig)
	c.u16(&r.Mode)
	c.u16(&r.SeedKind)
	c.u16(&r.GammaBP)
	c.u16(&r.DeltaBP)
	c.u16(&r.Lambda)
	c.u16(&r.Eta)
	c.u32(&r.NTarget)
	c.u32(&r.NMin)
	c.u32(&r.Cohorts)
	c.u32(&r.C)
	c.u32(&r.CInt)
	c.u64(&r.SigmaTotSq)
	c.u64(&r.SigmaBitSq)
	c.u64(&r.RhoUnits)
	c.u32(&r.P)
	c.u32(&r.B)
	for i := range r.Deadlines {
		c.u32(&r.Deadlines[i])
	}
	c.hash(&r.WitnessPolicy)
}

// Roster freezes who takes part (U1) and the graph's degree and threshold.
type Roster struct {
	Open [32]byte // hash(entry) of the RoundOpen
	N    uint32   // members
	K, T uint32   // neighbours of each, shares that rebuild a secret
	Root [32]byte // RFC 6962 root over u32(i) ‖ advertise bytes
}

func (*Roster) kind() Kind { return KindRoster }

func (r *Roster) fields(c *codec) {
	c.hash(&r.Open)
	c.u32(&r.N)
	c.u32(&r.K)
	c.u32(&r.T)
	c.hash(&r.Root)
}

// Survivors freezes whose vectors are summed (U3), before anything is revealed. The round is charged from here on.
type Survivors struct {
	Open       [32]byte // hash(entry) of the RoundOpen
	Roster     [32]byte // hash(entry) of the Roster
	Cohort     uint32
	SID        [32]byte
	Count      uint32   // members of U3
	BitmapHash [32]byte // SHA-256 of the n bits in index order
	InputsRoot [32]byte // RFC 6962 root over u32(i) ‖ H(y_i), i in U3
}

func (*Survivors) kind() Kind { return KindSurvivors }

func (r *Survivors) fields(c *codec) {
	c.hash(&r.Open)
	c.hash(&r.Roster)
	c.u32(&r.Cohort)
	c.hash(&r.SID)
	c.u32(&r.Count)
	c.hash(&r.BitmapHash)
	c.hash(&r.InputsRoot)
}
