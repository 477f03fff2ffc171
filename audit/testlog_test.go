package audit

import (
	"crypto/ed25519"
	"fmt"
	"io/fs"
	"math/big"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// The log of these tests: ten devices, one question, six rounds, two ledger periods. Every ending that a round can have is in it.
const (
	testUnits  = 2 << 40 // C_int 80 at σ_tot² 1600: z = 0.5, ρ = 2
	testPeriod = 30 * 24 * 3600
	testStart  = 1_700_000_000
	certEnd    = testStart + 10*testPeriod
)

func testRules() Rules {
	return Rules{
		CheckCert: func(authority, cert []byte) (Coordinator, error) {
			c, err := protocol.ParseCert(cert)
			if err != nil {
				return Coordinator{}, err
			}
			return Coordinator{c.IDPK, c.NotBefore, c.NotAfter}, c.Verify(authority, c.NotBefore, protocol.ClassCoordinator)
		},
		Charge: func(cInt uint32, sigmaTotSq uint64) (uint64, error) {
			u, err := privacy.Charge(cInt, sigmaTotSq)
			return uint64(u), err
		},
		WorstCase: func(charges []RoundCost, p, b uint32, ceiling uint64) uint64 {
			var list []privacy.RoundCharge
			for _, c := range charges {
				list = append(list, privacy.RoundCharge{Round: c.Round, Units: privacy.Units(c.Units)})
			}
			return uint64(privacy.WorstCase(list, p, b, privacy.Units(ceiling)))
		},
		Epsilon:     privacy.Epsilon,
		HonestFloor: func(g Graph) int { return privacy.HonestFloor(g.N/max(1, g.Cohorts), g.GammaBP, g.DeltaBP) },
		SessionID: func(open, roster [32]byte, cohort uint32) [32]byte {
			return aggregation.SessionID(open, roster, aggregation.GraphSeed(open, roster), cohort)
		},
		CheckDegree: func(g Graph) error {
			return aggregation.CheckDegree(aggregation.GraphParams{N: g.N, GammaBP: g.GammaBP, DeltaBP: g.DeltaBP, Lambda: g.Lambda, Eta: g.Eta,
				Mode: aggregation.Mode(g.Mode)}, aggregation.Degree{K: g.K, T: g.T})
		},
	}
}

func testCert(key ed25519.PrivateKey) []byte {
	cert := protocol.IssueCert(testKey(1), protocol.Cert{IDPK: [32]byte(public(key)), Class: protocol.ClassCoordinator, NotBefore: testStart - 300,
		NotAfter: certEnd, Quota: 1})
	b := cert.Bytes()
	return b[:]
}

func opened(round uint64, at uint64, in byte) *RoundOpen {
	return &RoundOpen{Round: round, OpenedAt: at, ModelIn: h(in), CodeHash: h(0xc0), LayoutHash: h(0x1a), D: 100, WordBits: 32, XMax: 80,
		Kex: 1, PRG: 1, Sig: 1, Mode: 3, SeedKind: 3, GammaBP: 500, DeltaBP: 1500, Lambda: 40, Eta: 20, NTarget: 10, NMin: 9, Cohorts: 1,
		C: 0x3f000000, CInt: 80, SigmaTotSq: 1600, P: 4, B: 1, Deadlines: [5]uint32{60, 90, 120, 150, 180}}
}

func frozen() *Roster { return &Roster{N: 10, K: 9, T: 6, Root: h(0x20)} }

func sealed() *Survivors {
	return &Survivors{Count: 9, BitmapHash: h(0x52), InputsRoot: h(0x53)}
}

func ended(out byte) *RoundClose {
	return &RoundClose{Survivors: make([][32]byte, 1), SumHash: [][32]byte{h(0x60)}, ModelOut: h(out), ServeHash: h(0x61), U1: 10, U2: 10, U3: 9, C: 0x3f000000,
		PhaseMillis: [5]uint32{1, 2, 3, 4, 5}, Drops: []Drop{{Reason: 3, Count: 1}}}
}

// The places of records in honestRecords that tests change.
const (
	atPolicy, atRelease, atQuestion              = 0, 1, 2
	atOpen1, atRoster1, atSurvivors1, atClose1   = 3, 4, 5, 6
	atOpen2, atAbort2                            = 7, 8
	atOpen3, atRoster3, atSurvivors3, atAbort3   = 9, 10, 11, 12
	atOpen4, atRoster4, atSurvivors4, atClose4   = 13, 14, 15, 16
	atExhausted, atPolicy2                       = 17, 18
	atOpen6, atRoster6, atSurvivors6, atClose6   = 19, 20, 21, 22
	atOpen7, atRoster7, atSurvivors7, atUnclosed = 23, 24, 25, 26
)

func honestRecords() []Record {
	policy := func() *PolicyChange {
		return &PolicyChange{CeilingUnits: 3 * testUnits, PeriodSeconds: testPeriod, P: 4, B: 1, NMin: 9, GammaBP: 500, DeltaBP: 1500}
	}
	return []Record{
		policy(),
		&CodeRelease{CodeHash: h(0xc0), Name: "two-tower", Version: 1},
		&Question{ID: "train", Version: 1, Purpose: "learn", Kind: 1, LayoutHash: h(0x1a), D: 100, C: 0x3f000000, CInt: 80, SigmaTotSq: 1600, NMin: 9,
			P: 4, B: 1, ShareBP: 10000, Expiry: certEnd, CodeHash: h(0xc0), Result: "the next model"},
		opened(1, testStart, 0xa0), frozen(), sealed(), ended(0xa1),
		opened(2, testStart+1000, 0xa1), &Abort{Phase: 2, Reason: 1, Detail: "2 devices advertised keys"},
		opened(3, testStart+2000, 0xa1), frozen(), sealed(), &Abort{Phase: 5, Reason: 9, U1: 10, U2: 10, U3: 9},
		opened(4, testStart+3000, 0xa1), frozen(), sealed(), ended(0xa2),
		&BudgetExhausted{Round: 5}, policy(),
		opened(6, testStart+testPeriod, 0xa2), frozen(), sealed(), ended(0xa3),
		opened(7, testStart+testPeriod+1000, 0xa3), frozen(), sealed(), &Abort{Phase: 5, Reason: 9, U1: 10, U2: 10, U3: 9},
	}
}

// scribe writes records into a log as a coordinator does: it fills in links, charges and sums, then lets a forger change the result,
// and signs whatever that is.
type scribe struct {
	spoil   func(i int, r Record)
	entries [][]byte

	question, open, roster, lastEnd [32]byte
	survivors                       [][32]byte // of the cohorts, in their order
	over                            bool
	opened                          *RoundOpen
	n                               uint32
	costs                           []RoundCost
	p, b                            uint32
	start                           uint64
	renewed                         bool
	policy                          *PolicyChange
	period                          uint64
}

func (s *scribe) write(records []Record) [][]byte {
	for i, r := range records {
		s.link(r)
		if s.spoil != nil {
			s.spoil(i, r)
		}
		entry, err := Seal(testKey(7), r)
		if err != nil {
			panic(err)
		}
		s.entries = append(s.entries, entry)
		s.note(r, LeafHash(entry))
	}
	return s.entries
}

func (s *scribe) link(r Record) {
	switch r := r.(type) {
	case *RoundOpen:
		r.PrevRound, r.Question, r.RhoUnits = s.lastEnd, s.question, costOf(r)
	case *Roster:
		r.Open = s.open
	case *Survivors:
		r.Open, r.Roster = s.open, s.roster
		r.SID = aggregation.SessionID(s.open, s.roster, aggregation.GraphSeed(s.open, s.roster), r.Cohort)
	case *RoundClose:
		h := uint64(privacy.HonestFloor(int(s.n/max(1, s.opened.Cohorts)), int(s.opened.GammaBP), int(s.opened.DeltaBP)))
		r.Open, r.Roster, r.Survivors = s.open, s.roster, slices.Clone(s.survivors)
		if len(r.Survivors) == 0 {
			r.Survivors = make([][32]byte, 1)
		}
		if len(r.SumHash) != len(r.Survivors) {
			r.SumHash = slices.Repeat(r.SumHash[:1], len(r.Survivors))
		}
		h = max(h, 1)
		r.HonestNoise = h * ((s.opened.SigmaTotSq + h - 1) / h)
		r.RhoUnits, r.RhoCumBound = costOf(s.opened), mostSpent(s.costs, s.p, s.b)
	case *Abort:
		r.Open = s.open
	case *BudgetExhausted:
		r.Question = s.question
	}
}

func (s *scribe) note(r Record, hash [32]byte) {
	switch r := r.(type) {
	case *PolicyChange:
		if s.policy == nil && s.start > 0 {
			s.period = r.PeriodSeconds
		}
		s.renewed, s.policy = true, r
	case *Question:
		s.question = hash
	case *RoundOpen:
		if s.start == 0 || s.renewed && r.OpenedAt >= s.start+s.period {
			if s.policy != nil {
				s.period = s.policy.PeriodSeconds
			}
			s.start, s.costs, s.p, s.b = r.OpenedAt, nil, 0, ^uint32(0)
		}
		s.renewed, s.over, s.open, s.opened = false, false, hash, r
	case *Roster:
		s.roster, s.n, s.survivors = hash, r.N, nil
	case *Survivors:
		if n := len(s.costs); n == 0 || s.costs[n-1].Round != s.opened.Round {
			s.costs = append(s.costs, RoundCost{s.opened.Round, costOf(s.opened)})
			s.p, s.b = max(s.p, s.opened.P), min(s.b, s.opened.B)
		}
		s.survivors = append(s.survivors, hash)
	case *RoundClose, *Abort:
		if !s.over {
			s.over, s.lastEnd = true, hash
		}
	}
}

// costOf is the charge in big integers, so that it is not the code under test.
func costOf(o *RoundOpen) uint64 {
	sum := new(big.Int)
	for _, part := range [][2]uint64{{uint64(o.CInt), o.SigmaTotSq}, {64, o.SigmaBitSq}} {
		if part[1] == 0 {
			continue
		}
		num := new(big.Int).Lsh(new(big.Int).SetUint64(part[0]*part[0]), 40)
		den := new(big.Int).Lsh(new(big.Int).SetUint64(part[1]), 1)
		num.Add(num, den).Sub(num, big.NewInt(1))
		sum.Add(sum, num.Div(num, den))
	}
	return sum.Uint64()
}

// mostSpent tries every set of rounds.
func mostSpent(costs []RoundCost, p, b uint32) (most uint64) {
	for set := range 1 << len(costs) {
		var sum, last uint64
		var count uint32
		ok := true
		for i, c := range costs {
			if set>>i&1 == 1 {
				ok = ok && (count == 0 || c.Round-last >= uint64(b))
				count, last, sum = count+1, c.Round, sum+c.Units
			}
		}
		if ok && count <= p {
			most = max(most, sum)
		}
	}
	return most
}

// folderOf lays out the log folder of the first size entries.
func folderOf(entries [][]byte, size int) fstest.MapFS {
	l := logOf(entries[:size])
	files, err := Tiles(entries[:size], 0, uint64(size), l)
	if err != nil {
		panic(err)
	}
	note, err := SignCheckpoint(testOrigin, testKey(9), uint64(size), l.Root(uint64(size)))
	if err != nil {
		panic(err)
	}
	keys, err := Keys{Origin: testOrigin, LogKey: public(testKey(9)), Authority: public(testKey(1)), Coordinator: testCert(testKey(7))}.Encode()
	if err != nil {
		panic(err)
	}
	out := fstest.MapFS{"keys": {Data: keys}, "checkpoint": {Data: note}}
	for _, f := range files {
		out[f.Path] = &fstest.MapFile{Data: f.Data}
	}
	return out
}

func honestEntries() [][]byte { return (&scribe{}).write(honestRecords()) }

func honestFolder() fstest.MapFS {
	entries := honestEntries()
	return folderOf(entries, len(entries))
}

// failed lists the checks that failed, in order, and fails the test if the report contradicts itself.
func failed(t testing.TB, fsys fs.FS, o Options) (ids []string, all string) {
	t.Helper()
	r, err := Verify(fsys, testRules(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Checks) != len(checks) {
		t.Fatalf("%d checks, want %d", len(r.Checks), len(checks))
	}
	for _, c := range r.Checks {
		all += fmt.Sprintf("%s %s: %s\n", c.Status, c.ID, c.Detail)
		if c.Status == StatusFail {
			ids = append(ids, c.ID)
		}
		if (c.Next != "") != (c.Status == StatusFail) || c.Detail == "" {
			t.Errorf("%s is %s with detail %q and next step %q", c.ID, c.Status, c.Detail, c.Next)
		}
	}
	if r.OK != (len(ids) == 0) {
		t.Errorf("ok is %v while %v failed", r.OK, ids)
	}
	return ids, all
}
