package coordinator

import (
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// Config is what a coordinator is told. Secrets are its two keys; nothing here is changed while it runs.
type Config struct {
	Identity  protocol.Identity // S: signs records and receipts, and is the TLS identity
	Authority ed25519.PublicKey // E, whose certificates are accepted
	// AuthorityPQ is E's ML-DSA key, which suite sig 2 needs; nil: such a task is refused.
	AuthorityPQ *protocol.PQPublicKey
	LogKey      ed25519.PrivateKey // signs checkpoints
	LogOrigin   string
	Task        Task
	Start       []byte // snapshot file of version 0, used when the store is new
	Models      Files  // snapshots, optimiser states, release notes
	LogDir      Files  // the public log: keys, checkpoint, tiles
	// Bases is how many versions before the two newest ones are kept, their models alone: a device that has one of them, and not only one of
	// the two newest, is sent the difference. 0: none.
	Bases     int
	Log       *slog.Logger // nil: silent
	Now       func() time.Time
	OnEvent   func(Event)                                           // told in order, from the loop; must not block
	OnPublish func(release Release)                                 // told after a version is published and its files are durable, and again if only then the public log came to hold it
	Expand    func(shape aggregation.Shape) aggregation.Accumulator // nil: the CPU
	// Witnesses cosign the log before devices are shown anything of it; nil: none, and the checkpoints are the log's own word.
	Witnesses     Witnesses
	WitnessPolicy audit.WitnessPolicy // says whose cosignatures are enough; zero exactly if Witnesses is nil
}

// Task is what a coordinator trains: one question, its rounds and their terms.
type Task struct {
	Purpose string // the question in plain English
	// Hash is the task file's (docs/spec/task.md), which the question names; zero: there is none, and nothing is said of it.
	Hash       [32]byte
	Local      model.Local
	Optimizer  model.Optimizer
	Popularity *Popularity // asked in one round before training; nil: not
	Rounds     int         // of training; 0 = until the budget is spent
	NTarget    uint32
	NMin       uint32
	GammaBP    uint16
	DeltaBP    uint16
	Lambda     uint16
	Eta        uint16
	Mode       aggregation.Mode
	Kex        uint16 // suites by their numbers; 0 = 1, the first of each
	PRG        uint16
	Sig        uint16
	WordBits   uint16 // 0 = the smallest that carry the rounds
	XMax       uint32 // most of one coordinate in grid units; 0 = CInt, or where WordBits is left out as much of it as they carry
	Cohorts    uint32 // 0 = 1
	C          float32
	CInt       uint32
	SigmaTotSq uint64
	AdaptClip  privacy.ClipRule // how C, the first round's, follows the devices' clip bits; zero: it stays, and there are none
	P          uint32           // most participations of one device in a period
	B          uint32           // least spacing, in rounds
	Ceiling    privacy.Units
	ShareBP    uint32 // the question's share of the ceiling, basis points; 0 = 10000, all of it
	Period     time.Duration
	Deadlines  [5]uint32 // seconds after a round opens: keys, shares, inputs, unmask, settle
	Grace      time.Duration
	Interval   time.Duration // between the end of one round and the start of the next
	Expiry     time.Duration // of the question
}

// filled gives what was left out its usual value.
func (t Task) filled() Task {
	for field, usual := range map[*uint16]uint16{&t.Kex: 1, &t.PRG: 1, &t.Sig: 1} {
		if *field == 0 {
			*field = usual
		}
	}
	if t.Cohorts == 0 {
		t.Cohorts = 1
	}
	if t.ShareBP == 0 {
		t.ShareBP = 10000
	}
	return t
}

// chooseWords fills in the words of an update of d coordinates and the most of one, where they were left out.
func (t *Task) chooseWords(d int) {
	n := int(max(t.NMin, t.NTarget/t.Cohorts))
	for least := uint16(16); t.WordBits == 0; least += 8 {
		chosen := *t
		bits, most := aggregation.LeastWords(least, d, n, t.CInt, t.SigmaTotSq)
		chosen.WordBits = bits
		if t.XMax == 0 {
			chosen.XMax = most
		}
		size, noise, err := chosen.bit()
		carries := aggregation.CheckWord(n, chosen.XMax, t.SigmaTotSq, bits) == nil && err == nil && aggregation.CheckWord(n, size, noise, bits) == nil
		if carries || bits == 32 { // in the last resort check says what does not fit
			*t = chosen
		}
	}
	if t.XMax == 0 {
		t.XMax = t.CInt
	}
}

// longestRound is the longest that devices keep a round's secrets, in seconds (F16).
const longestRound = 7 * 24 * 3600

// check refuses a task whose rounds every device would refuse, before anything is logged.
func (t *Task) check(d int) error {
	switch {
	case t.NMin < 3 || t.NTarget < t.NMin:
		return fmt.Errorf("task: n_min %d and n_target %d: want at least 3 members and a target not below n_min", t.NMin, t.NTarget)
	case t.NTarget > protocol.MaxRoster:
		return fmt.Errorf("task: n_target %d is more than %d, the most members of a round", t.NTarget, protocol.MaxRoster)
	case t.Deadlines[4] > longestRound:
		return fmt.Errorf("task: the last deadline of %d s is more than %d (7 days): devices refuse longer rounds", t.Deadlines[4], longestRound)
	case !(t.Optimizer.Rate > 0):
		return fmt.Errorf("task: the optimiser's rate is %v: want a positive number; a model that no step changes would share its files with the next", t.Optimizer.Rate)
	case !(t.C > 0) || math.IsInf(float64(t.C), 0):
		return fmt.Errorf("task: clip is %v, want a positive number", t.C)
	case t.P == 0 || t.B == 0 || t.Ceiling == 0:
		return fmt.Errorf("task: P %d, b %d and the ceiling %d must be positive", t.P, t.B, t.Ceiling)
	case t.Period < audit.MinPeriodSeconds*time.Second:
		return fmt.Errorf("task: ledger period is %v: devices and auditors want at least %d days", t.Period, audit.MinPeriodSeconds/(24*3600))
	}
	if err := t.checkProtocol(); err != nil {
		return fmt.Errorf("task: %w", err)
	}
	if err := t.checkClip(); err != nil {
		return fmt.Errorf("task: %w", err)
	}
	for i := range t.Deadlines {
		if t.Deadlines[i] == 0 || i > 0 && t.Deadlines[i] < t.Deadlines[i-1] {
			return fmt.Errorf("task: deadlines %v must be positive and in order", t.Deadlines)
		}
	}
	if has, least := time.Duration(t.Deadlines[1]-t.Deadlines[0])*time.Second, 2*privacy.DrawWait(d); has < least {
		return fmt.Errorf("task: deadlines %v leave %v for phase shares: devices draw noise for %d words only if there are %v, so put the second deadline "+
			"and those after it later", t.Deadlines, has, d, least)
	}
	for _, n := range []uint32{t.NMin, t.NTarget / t.Cohorts} {
		if err := t.checkCohort(d, int(n)); err != nil {
			return fmt.Errorf("task: with %d members in each of %d cohorts: %w", n, t.Cohorts, err)
		}
	}
	return nil
}

// checkCohort wants n members of each cohort to hide in their sum.
func (t *Task) checkCohort(d, n int) error {
	if err := t.grid(d).Validate(n, t.SigmaTotSq); err != nil {
		return err
	}
	p := aggregation.GraphParams{N: n * int(t.Cohorts), GammaBP: int(t.GammaBP), DeltaBP: int(t.DeltaBP), Lambda: int(t.Lambda), Eta: int(t.Eta),
		Mode: t.Mode, Cohorts: int(t.Cohorts)}
	if _, err := aggregation.FindDegree(p); err != nil {
		return err
	}
	corrupt, err := aggregation.CohortCorrupt(p)
	if err != nil {
		return err
	}
	if err := privacy.CheckCohortNoise(n, corrupt, int(t.DeltaBP), t.SigmaTotSq); err != nil {
		return err
	}
	return t.checkBit(n, corrupt)
}

// checkProtocol looks at how the vectors are summed.
func (t *Task) checkProtocol() error {
	switch {
	case t.Mode != aggregation.ModeW && t.Mode != aggregation.ModeSM && t.Mode != aggregation.ModeSH:
		return fmt.Errorf("mode %v: want W, SM or SH", t.Mode)
	case t.Mode == aggregation.ModeW && t.Lambda < 80:
		return fmt.Errorf("lambda is %d: mode W draws its graph from signatures that can be asked for again, and wants at least 80", t.Lambda)
	case t.Kex < 1 || t.Kex > 2:
		return fmt.Errorf("kex is %d: want 1 (X25519) or 2 (X25519 + X-Wing)", t.Kex)
	case t.PRG < 1 || t.PRG > 3:
		return fmt.Errorf("prg is %d: want 1 (AES-128-CTR), 2 (AES-256-CTR) or 3 (ChaCha20)", t.PRG)
	case t.Sig < 1 || t.Sig > 2:
		return fmt.Errorf("sig is %d: want 1 (Ed25519) or 2 (Ed25519 + ML-DSA-44)", t.Sig)
	case t.WordBits != 32 && t.WordBits != 24 && t.WordBits != 16:
		return fmt.Errorf("word_bits is %d: want 32, 24 or 16", t.WordBits)
	case t.Cohorts < 1 || t.Cohorts > audit.MaxCohorts:
		return fmt.Errorf("cohorts is %d: want 1 to %d", t.Cohorts, audit.MaxCohorts)
	case t.NTarget%t.Cohorts != 0 || t.NTarget/t.Cohorts < t.NMin:
		return fmt.Errorf("n_target %d: want a multiple of %d cohorts with at least n_min %d members in each", t.NTarget, t.Cohorts, t.NMin)
	}
	return nil
}

func (t *Task) grid(d int) aggregation.Grid {
	return aggregation.Grid{C: t.C, CInt: t.CInt, XMax: t.XMax, D: d, WordBits: t.WordBits}
}

// policy is the PolicyChange record of this task.
func (t *Task) policy() *audit.PolicyChange {
	return &audit.PolicyChange{CeilingUnits: uint64(t.Ceiling), PeriodSeconds: uint64(t.Period / time.Second), P: t.P, B: t.B,
		NMin: t.NMin, GammaBP: t.GammaBP, DeltaBP: t.DeltaBP}
}

// Files holds named files that are whole or absent.
type Files interface {
	Read(name string) ([]byte, error)      // fs.ErrNotExist if absent
	Write(name string, b []byte) error     // durable and atomic
	Remove(name string) error              // absent is fine
	Names(folder string) ([]string, error) // of the files in a folder below, in any order; "" is the folder itself, and none if it is not there
}

// Event is what an operator sees of a running coordinator.
type Event struct {
	Kind    string   `json:"event"` // listening, phase, round, recovered, published, witness, done
	Round   uint64   `json:"round,omitempty"`
	Phase   string   `json:"phase,omitempty"`
	Outcome string   `json:"outcome,omitempty"` // resumed, aborted, done; of the witnesses: failing, recovered
	Reason  string   `json:"reason,omitempty"`
	Detail  string   `json:"detail,omitempty"`
	U1      int      `json:"u1,omitempty"`
	U2      int      `json:"u2,omitempty"`
	U3      int      `json:"u3,omitempty"`
	Address string   `json:"address,omitempty"`
	TCP     string   `json:"tcp,omitempty"` // the address over TCP, where there is one
	HTTP    string   `json:"http,omitempty"`
	Sum     string   `json:"sum,omitempty"`
	Model   string   `json:"model,omitempty"`
	Serve   string   `json:"serve,omitempty"`
	Millis  []int    `json:"millis,omitempty"`
	Members []string `json:"members,omitempty"` // identity keys whose vectors are in the sum; stays with the operator
	Devices int      `json:"devices,omitempty"`
	Clip    float32  `json:"clip,omitempty"`   // of the round that ended
	Blamed  []Blamed `json:"blamed,omitempty"` // for an aborted round; stays with the operator
}

// Blamed is a device that a spoilt round is held against: for its fault, proven or suspected, it is left out of some rounds.
type Blamed struct {
	Device  string `json:"device"` // identity key
	Fault   string `json:"fault"`
	Certain bool   `json:"certain"`
	Until   uint64 `json:"until"` // the last round that it sits out; 0: none, the lot fell on whom it quarrelled with
}

// Release is what a published version brings to serving: the model offered, and where the log says so.
type Release struct {
	Model   [32]byte // hash of the snapshot offered for serving
	Version uint64
	Round   uint64
	Index   uint64
	Logged  bool // the public log holds it; with witnesses that comes after the version
}
