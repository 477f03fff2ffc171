package audit

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/cinesync/cinesync/privacy"
	"pgregory.net/rapid"
)

// keeper is a coordinator that keeps its ledger with privacy.Population and writes down what it does.
type keeper struct {
	*rapid.T
	records   []LoggedRecord
	questions [][32]byte
	asked     []*Question
	ledger    *privacy.Population
	round     uint64
	now       uint64
	broken    bool // it went on where its ledger refused
}

func (k *keeper) log(r Record) [32]byte {
	index := uint64(len(k.records))
	var hash [32]byte
	binary.BigEndian.PutUint64(hash[:], index+1)
	k.records = append(k.records, LoggedRecord{Index: index, Hash: hash, Record: r})
	return hash
}

func (k *keeper) policy() {
	r := &PolicyChange{CeilingUnits: rapid.Uint64Range(0, 120).Draw(k.T, "ceiling"), PeriodSeconds: rapid.Uint64Range(0, 60).Draw(k.T, "seconds")}
	k.log(r)
	k.ledger.Policy(privacy.Units(r.CeilingUnits), r.PeriodSeconds)
}

func (k *keeper) ask() {
	q := &Question{ID: "train", CInt: rapid.Uint32Range(1, 20).Draw(k.T, "most"), P: rapid.Uint32Range(0, 5).Draw(k.T, "question P"),
		B: rapid.Uint32Range(0, 4).Draw(k.T, "question b"), ShareBP: rapid.SampledFrom([]uint32{0, 2500, 6667, 10000, 12000}).Draw(k.T, "share")}
	hash := k.log(q)
	k.questions, k.asked = append(k.questions, hash), append(k.asked, q)
	k.ledger.Ask(hash, q.ShareBP)
}

// play opens a round if the ledger allows it, or logs that it does not. A coordinator that lies goes on all the same.
func (k *keeper) play() {
	i := rapid.IntRange(0, len(k.asked)-1).Draw(k.T, "question")
	q := k.asked[i]
	k.round += rapid.Uint64Range(1, 3).Draw(k.T, "step")
	k.now += rapid.Uint64Range(0, 25).Draw(k.T, "seconds pass")
	open := &RoundOpen{Round: k.round, OpenedAt: k.now, Question: k.questions[i], CInt: rapid.Uint32Range(1, q.CInt).Draw(k.T, "cost"), Cohorts: 1,
		P: rapid.Uint32Range(0, q.P).Draw(k.T, "P"), B: q.B + rapid.Uint32Range(0, 1).Draw(k.T, "b"), Deadlines: [5]uint32{1, 1, 1, 1, 1}}
	open.RhoUnits = uint64(open.CInt)
	d := privacy.RoundDebit{Round: open.Round, Question: open.Question, Units: privacy.Units(open.RhoUnits), P: open.P, B: open.B}
	want, err := k.ledger.Would(d, k.now)
	if err != nil && rapid.IntRange(0, 3).Draw(k.T, "honest") > 0 {
		if !errors.Is(err, privacy.ErrCeiling) && !errors.Is(err, privacy.ErrShare) {
			k.Fatal(err)
		}
		if !k.ledger.Exhausted(open.Question) {
			k.log(&BudgetExhausted{Question: open.Question, Round: k.round})
			k.ledger.Exhaust(open.Question)
		}
		return
	}
	hash := k.log(open)
	if k.ledger.Open(open.Question, k.now) != nil {
		k.broken = true
		return
	}
	k.finish(hash, open, d, want, err)
}

// finish ends a round with its Survivors or without.
func (k *keeper) finish(hash [32]byte, open *RoundOpen, d privacy.RoundDebit, want privacy.Standing, refused error) {
	end := rapid.SampledFrom([]string{"closed", "aborted early", "aborted late"}).Draw(k.T, "end")
	if end == "aborted early" {
		k.log(&Abort{Open: hash})
		return
	}
	roster := k.log(&Roster{Open: hash, N: 3})
	sealed := k.log(&Survivors{Open: hash, Roster: roster, Count: 3})
	got, err := k.ledger.Debit(d)
	if (err == nil) != (refused == nil) || got != want {
		k.Fatalf("round %d: the ledger said %+v (%v) before it was opened, and %+v (%v) then", open.Round, want, refused, got, err)
	}
	if err != nil {
		k.broken = true
	}
	if end == "aborted late" {
		k.log(&Abort{Open: hash, U1: 3, U3: 3})
		return
	}
	closed := &RoundClose{Open: hash, Roster: roster, Survivors: [][32]byte{sealed}, SumHash: make([][32]byte, 1), U1: 3, U2: 3, U3: 3,
		RhoUnits: open.RhoUnits, RhoCumBound: uint64(got.Total)}
	k.log(closed)
}

// audited is what the auditor makes of the log so far.
func (k *keeper) audited() accounts {
	rules := testRules()
	rules.Charge = func(cInt uint32, _ uint64) (uint64, error) { return uint64(cInt), nil }
	a := &auditor{rules: rules, o: Options{Delta: 1e-6}, story: tell(k.records)}
	a.keepAccounts()
	return a.accounts
}

// TestPopulationLedgersAgree holds the coordinator's ledger against the auditor's recomputation over random logs: of a coordinator that
// does as its ledger says nothing is found, and every figure is the same; one that opens or counts a round in spite of it is found
// at that round.
func TestPopulationLedgersAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := &keeper{T: t, ledger: privacy.NewPopulation(), now: 1000}
		k.policy()
		for range rapid.IntRange(1, 3).Draw(t, "questions") {
			k.ask()
		}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			if rapid.IntRange(0, 5).Draw(t, "kind") == 0 {
				k.policy()
			} else {
				k.play()
			}
			a := k.audited()
			if k.broken != (len(a.faults) > 0) {
				t.Fatalf("the coordinator's ledger was passed over: %v; the auditor finds %q", k.broken, a.faults)
			}
			if k.broken {
				return
			}
			if len(a.periods) > 0 && a.newest().RhoUnits != uint64(k.ledger.Spent()) {
				t.Fatalf("the auditor counts %d in period %d, the coordinator %d", a.newest().RhoUnits, len(a.periods), k.ledger.Spent())
			}
			if end, ok := k.ledger.PeriodEnd(); ok != (len(a.periods) > 0) || ok && end != addCapped(a.newest().Start, a.newest().Seconds) {
				t.Fatalf("the coordinator's period ends at %d (%v), the auditor has %+v", end, ok, a.periods)
			}
		}
	})
}
