package audit

// MinPeriodSeconds is the shortest ledger period that a policy may have: 30 days. With a shorter one a coordinator could begin a new
// ledger before every round, and the ceiling would stop nothing (docs/spec/log.md §6.5).
const MinPeriodSeconds = 30 * 24 * 3600

// PolicyChange states the terms that every later round must keep (design: privacy 8.4). The first one begins the first ledger period;
// docs/spec/log.md §6 says when a later one begins another.
type PolicyChange struct {
	CeilingUnits  uint64 // most ρ a device may spend in a period, in units of 2^-40
	PeriodSeconds uint64 // length of a ledger period
	P             uint32 // most participations of one device in a question's rounds of a period
	B             uint32 // least distance between two of them, in rounds
	NMin          uint32 // smallest roster
	GammaBP       uint16 // smallest corrupt fraction a round must withstand, basis points
	DeltaBP       uint16 // largest fraction lost between roster and survivors, basis points
}

func (*PolicyChange) kind() Kind { return KindPolicyChange }

func (r *PolicyChange) fields(c *codec) {
	c.u64(&r.CeilingUnits)
	c.u64(&r.PeriodSeconds)
	c.u32(&r.P)
	c.u32(&r.B)
	c.u32(&r.NMin)
	c.u16(&r.GammaBP)
	c.u16(&r.DeltaBP)
}

// CodeRelease names a local function that devices may run (secure aggregation 8.4).
type CodeRelease struct {
	CodeHash [32]byte // of name, version and canonical parameters
	Name     string
	Version  uint32
}

func (*CodeRelease) kind() Kind { return KindCodeRelease }

func (r *CodeRelease) fields(c *codec) {
	c.hash(&r.CodeHash)
	c.text(&r.Name)
	c.u32(&r.Version)
}

// Question is the manifest that devices consent to; rounds may be stricter than it, never weaker (secure aggregation 8.4).
type Question struct {
	ID         string
	Version    uint32
	Purpose    string
	Kind       uint8    // what is asked: 1 = a sum of vectors
	LayoutHash [32]byte // of the snapshot's layout section
	D          uint32   // vector length in words
	C          uint32   // largest clip, float32 bits
	CInt       uint32   // largest integer bound on the norm
	SigmaTotSq uint64   // least noise, grid units squared
	NMin       uint32   // smallest roster
	P          uint32   // most participations in a period
	B          uint32   // least distance between two, in rounds
	ShareBP    uint32   // share of the ceiling, basis points
	Expiry     uint64   // Unix seconds; no round may open at or after it
	CodeHash   [32]byte
	Result     string // where the result appears
}

// What a question asks of its rounds.
const (
	AsksSum    = 1 // a sum of vectors
	AsksSumBit = 2 // the same, and in rounds with a clip bit of how many vectors the clip cut
)

func (*Question) kind() Kind { return KindQuestion }

func (r *Question) fields(c *codec) {
	c.text(&r.ID)
	c.u32(&r.Version)
	c.text(&r.Purpose)
	c.u8(&r.Kind)
	c.hash(&r.LayoutHash)
	c.u32(&r.D)
	c.u32(&r.C)
	c.u32(&r.CInt)
	c.u64(&r.SigmaTotSq)
	c.u32(&r.NMin)
	c.u32(&r.P)
	c.u32(&r.B)
	c.u32(&r.ShareBP)
	c.u64(&r.Expiry)
	c.hash(&r.CodeHash)
	c.text(&r.Result)
}

// BudgetExhausted says that no further round of a question fits under the ceiling in this period (design: privacy 8.3).
type BudgetExhausted struct {
	Question [32]byte // hash(entry) of the question
	Round    uint64   // the round that was not opened
}

func (*BudgetExhausted) kind() Kind { return KindBudgetExhausted }

func (r *BudgetExhausted) fields(c *codec) {
	c.hash(&r.Question)
	c.u64(&r.Round)
}
