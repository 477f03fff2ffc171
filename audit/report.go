package audit

// Rules is the arithmetic that the auditor needs from the packages that own it. Every function must be set. They are plain functions
// so that this package leans on none of them.
type Rules struct {
	// CheckCert verifies that the authority issued the coordinator's certificate and gives what it says. Dates are not its business.
	CheckCert func(authority, cert []byte) (Coordinator, error)
	// Charge is what a round costs, in units of 2^-40 of ρ, rounded up (design: privacy 8.1).
	Charge func(cInt uint32, sigmaTotSq uint64) (uint64, error)
	// WorstCase is the most units that one device can have spent in at most p of the rounds, at least b apart, capped (design: privacy 8.3).
	WorstCase func(charges []RoundCost, p, b uint32, ceiling uint64) uint64
	// Epsilon converts ρ to ε at δ and gives the order α that it took (design: privacy 7.1).
	Epsilon func(rho, delta float64) (eps, order float64, err error)
	// HonestFloor is h_min: the honest survivors that there are at least in each cohort of the roster (privacy 6.1, secure
	// aggregation 14.2).
	HonestFloor func(Graph) int
	// SessionID is the session id of a round whose graph seed nobody but the coordinator had a hand in (secure aggregation 5.6, 6.3).
	SessionID func(openHash, rosterHash [32]byte, cohort uint32) [32]byte
	// CheckDegree says why k neighbours and threshold t do not hold for a roster (secure aggregation 5.3).
	CheckDegree func(Graph) error
}

// Coordinator is what a coordinator's certificate says: the key of its entries, and when it may sign (Unix seconds, inclusive).
type Coordinator struct {
	Key                 [32]byte
	NotBefore, NotAfter uint64
}

// RoundCost is one charged round of a question.
type RoundCost struct {
	Round uint64
	Units uint64
}

// Graph is the logged neighbour graph of a roster.
type Graph struct {
	N, K, T          int
	GammaBP, DeltaBP int
	Lambda, Eta      int
	Mode             int // 1 = W, 2 = SM, 3 = SH
	Cohorts          int // that N falls into
}

// Options is what an auditor knows besides the log.
type Options struct {
	Delta     float64    // of the (ε, δ) figure; 0 means 1e-6
	Published *Published // the figure to hold against the log (A7); nil = none
	Since     []byte     // a checkpoint kept from an earlier audit, which this log must extend; nil = none
	Live      bool       // the coordinator may be running: the newest round may be open until its last deadline
	Now       uint64     // Unix seconds; read only if Live

	// Witnesses are the policies that the auditor holds the log against: the first for its checkpoint, any of them for its rounds, which
	// may have been opened under earlier ones. Empty: the policy that the log itself names in log/policy, which proves less.
	Witnesses []WitnessPolicy
}

// Published is the ε over all rounds that somebody stated, and half its last digit: how far below the log's it may be. Above it may be
// twice that far, since figures are rounded up.
type Published struct {
	Epsilon, Within float64
}

// Status is the outcome of one check.
type Status string

// The outcomes. A check that was not made is never ok.
const (
	StatusOK         Status = "ok"
	StatusFail       Status = "fail"
	StatusNotChecked Status = "not checked"
)

// Check is the outcome of one check of docs/spec/log.md §9.
type Check struct {
	ID     string `json:"id"`
	Title  string `json:"title"` // what holds if it is ok
	Status Status `json:"status"`
	Detail string `json:"detail"`         // what was seen, or why it was not checked
	Next   string `json:"next,omitempty"` // what to do about a failure
}

// Period is one ledger period of the log.
type Period struct {
	FirstRound uint64  `json:"first_round"`
	LastRound  uint64  `json:"last_round"`
	Start      uint64  `json:"start"`   // opened_at of its first round, Unix seconds
	Seconds    uint64  `json:"seconds"` // its length by the policy in force at its start
	RhoUnits   uint64  `json:"rho_units"`
	Rho        float64 `json:"rho"`
	Epsilon    float64 `json:"epsilon"` // at the report's δ
}

// Report is what an audit found. The privacy figures are recomputed from the log and bound what any one device can have spent, towards a
// coordinator that controls at most GammaBP of each roster, without amplification: RhoUnits, RhoBound and Epsilon in any one ledger period,
// so they are those of the dearest, and the totals in all periods together: those are what is published beside a model.
type Report struct {
	OK            bool     `json:"ok"` // every check that was made is ok, and the log was readable
	Origin        string   `json:"origin"`
	LogKey        string   `json:"log_key"`                       // hex; signs checkpoints
	Authority     string   `json:"authority"`                     // hex; the enrolment authority's key. Whoever knows both from elsewhere compares them
	WitnessPolicy string   `json:"witness_policy,omitempty"`      // hex; the id of the policy that W1 used
	PolicyFrom    string   `json:"witness_policy_from,omitempty"` // "auditor" or "log": who named it
	Witnesses     []string `json:"witnesses,omitempty"`           // that vouch for the checkpoint
	WitnessedAt   uint64   `json:"witnessed_at,omitempty"`        // least time of their cosignatures, Unix seconds
	Entries       int      `json:"entries"`
	Root          string   `json:"root"` // hex
	Rounds        int      `json:"rounds"`
	Closed        int      `json:"closed"`
	Aborted       int      `json:"aborted"`
	Checks        []Check  `json:"checks"`
	RhoUnits      uint64   `json:"rho_units"` // of the dearest period
	RhoBound      float64  `json:"rho_bound"`
	Epsilon       float64  `json:"epsilon"`
	Delta         float64  `json:"delta"`
	Order         float64  `json:"order"`           // α that gave Epsilon; 0 where nothing was spent
	TotalRhoUnits uint64   `json:"total_rho_units"` // of all periods together
	TotalRho      float64  `json:"total_rho"`
	TotalEpsilon  float64  `json:"total_epsilon"` // at the same δ
	GammaBP       uint16   `json:"gamma_bp"`      // the least of any round
	Mode          string   `json:"mode"`          // the weakest of any round: W, SM or SH
	Periods       []Period `json:"periods"`
}

// checks are the checks of docs/spec/log.md §9 in the order of the report: what holds if the check is ok, what to do if it fails, and
// who makes it.
var checks = []struct {
	id, title, next string
	make            func(*auditor, *verdict)
}{
	{"A1", "the checkpoint, every entry and every file under log/ verify", "fetch the log again from its source; if it still fails, the log was altered: keep both copies and tell others", (*auditor).whole},
	{"A2", "every round charges what its noise costs", "ask the coordinator why; count the privacy figures as void until then", (*auditor).charges},
	{"A3", "every round's numbers are within the limits of the noise", "do not trust the noise of these rounds; take devices out until the settings are mended", (*auditor).limits},
	{"A4", "every roster and every sum is large enough", "treat what these rounds published as unprotected", (*auditor).cohorts},
	{"A5", "honest devices alone add all the noise that was promised", "treat what these rounds published as unprotected", (*auditor).honestNoise},
	{"A6", "the population ledger is right and below its ceiling", "count the privacy figures as void; devices should stop until the coordinator explains", (*auditor).population},
	{"A7", "the published ε is the log's", "have the figure corrected to the recomputed one", (*auditor).published},
	{"A8", "every model comes from the log, and every local function was released", "do not use these models; ask where they come from", (*auditor).models},
	{"A9", "every round has one roster, one set of survivors and one end", "treat the round as an attempt to show two devices two histories; stop taking part", (*auditor).rivals},
	{"A10", "no round is weaker than the policy and the question it was logged under", "devices that keep their floor refused these rounds; ask the coordinator why they were opened", (*auditor).terms},
	{"A11", "no roster is larger than the certificates issued", "", (*auditor).issued},
	{"A12", "a sampled round's vectors add up to its logged sum", "", (*auditor).sampled},
	{"C1", "the rounds form one chain", "entries are missing or were made out of order; ask the coordinator for its journal", (*auditor).chain},
	{"C2", "every neighbour graph holds for its roster", "treat the masks of these rounds as breakable by the fraction γ", (*auditor).graphs},
	{"W1", "a quorum of witnesses vouches for the checkpoint, by the policy that the rounds name", "ask the witnesses what they signed: a log that shows two histories finds no quorum for both", (*auditor).vouched},
}
