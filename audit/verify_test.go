package audit

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/aggregation"
)

// TestHonestLogPasses also pins the log: testdata/honest is what docs/spec/log.md calls its vector, and what the command is tested on.
func TestHonestLogPasses(t *testing.T) {
	entries := honestEntries()
	fsys := folderOf(entries, len(entries))
	if ids, all := failed(t, fsys, Options{}); len(ids) > 0 {
		t.Fatalf("%v failed:\n%s", ids, all)
	}
	r, err := Verify(fsys, testRules(), Options{Since: folderOf(entries, 9)["checkpoint"].Data, Published: &Published{Epsilon: 32.22, Within: 0.005}})
	if err != nil || !r.OK {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, want := range []struct {
		name      string
		got, want any
	}{
		{"entries", r.Entries, 27}, {"rounds", r.Rounds, 6}, {"closed", r.Closed, 3}, {"aborted", r.Aborted, 3}, {"γ", r.GammaBP, uint16(500)},
		{"units", r.RhoUnits, uint64(3 * testUnits)}, {"ρ", r.RhoBound, 6.0}, {"ε", r.Epsilon, r.Periods[0].Epsilon},
		{"units in all", r.TotalRhoUnits, uint64(5 * testUnits)}, {"ρ in all", r.TotalRho, 10.0}, {"ε in all", math.Round(r.TotalEpsilon*100) / 100, 32.22}, {"periods", len(r.Periods), 2}, {"δ", r.Delta, 1e-6},
		{"first period", r.Periods[0].RhoUnits, uint64(3 * testUnits)}, {"rounds of the first period", [2]uint64{r.Periods[0].FirstRound, r.Periods[0].LastRound}, [2]uint64{1, 4}},
		{"start of the second", r.Periods[1].Start, uint64(testStart + testPeriod)}, {"its length", r.Periods[1].Seconds, uint64(testPeriod)},
	} {
		if want.got != want.want {
			t.Errorf("%s: %v, want %v", want.name, want.got, want.want)
		}
	}
	goldenFolder(t, "testdata/honest", fsys)
	goldenFolder(t, "testdata/open", folderOf(entries, atOpen4+2))
	golden(t, "testdata/kept.checkpoint", folderOf(entries, 9)["checkpoint"].Data)
}

func goldenFolder(t *testing.T, dir string, fsys fstest.MapFS) {
	t.Helper()
	for name, f := range fsys {
		path := filepath.Join(dir, "log", filepath.FromSlash(name))
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != string(f.Data) {
			t.Errorf("%s differs (%v); if the format was meant to change, run with -update and say why", path, err)
		}
	}
}

func TestEmptyLogPasses(t *testing.T) {
	r, err := Verify(folderOf(nil, 0), testRules(), Options{})
	if err != nil || !r.OK || r.Epsilon != 0 || r.Periods == nil {
		t.Errorf("%+v, %v", r, err)
	}
}

// forgery changes the records of the honest log, or a record after its links are filled in. Everything is signed again.
type forgery struct {
	name  string
	want  string // the checks that fail, all of them
	plot  func([]Record) []Record
	spoil func(i int, r Record)
	o     Options
}

// at spoils one record.
func at[R Record](place int, change func(R)) func(int, Record) {
	return func(i int, r Record) {
		if i == place {
			change(r.(R))
		}
	}
}

// every spoils every record of a kind.
func every[R Record](change func(R)) func([]Record) []Record {
	return func(all []Record) []Record {
		for _, r := range all {
			if r, ok := r.(R); ok {
				change(r)
			}
		}
		return all
	}
}

// before changes one record ahead of the links, so that charges and sums follow it.
func before[R Record](place int, change func(R)) func([]Record) []Record {
	return func(all []Record) []Record {
		change(all[place].(R))
		return all
	}
}

func without(place, n int) func([]Record) []Record {
	return func(all []Record) []Record { return slices.Delete(all, place, place+n) }
}

// move puts a record behind the one that now stands at to.
func move(from, to int) func([]Record) []Record {
	return func(all []Record) []Record {
		r := all[from]
		return slices.Insert(slices.Delete(all, from, from+1), to, r)
	}
}

func with(place int, r ...Record) func([]Record) []Record {
	return func(all []Record) []Record { return slices.Insert(all, place, r...) }
}

func both(plots ...func([]Record) []Record) func([]Record) []Record {
	return func(all []Record) []Record {
		for _, p := range plots {
			all = p(all)
		}
		return all
	}
}

func forgeries() []forgery {
	return slices.Concat(forgedNoise(), forgedLedger(), forgedRounds(), forgedTerms())
}

// asked makes the questions ask for a clip bit.
func asked(records []Record) []Record {
	return every(func(q *Question) { q.Kind = AsksSumBit })(records)
}

func forgedNoise() []forgery {
	return []forgery{
		{name: "a round that says it costs less", want: "A2", spoil: at(atOpen6, func(r *RoundOpen) { r.RhoUnits-- })},
		{name: "a RoundClose that says it cost less", want: "A2", spoil: at(atClose6, func(r *RoundClose) { r.RhoUnits-- })},
		{name: "a clip bit that is not charged", want: "A2", plot: both(asked, before(atOpen6, func(r *RoundOpen) { r.SigmaBitSq = 4096 })),
			spoil: at(atOpen6, func(r *RoundOpen) { r.RhoUnits = testUnits })},
		{name: "a round without noise", want: "A2 A10", plot: before(atOpen2, func(r *RoundOpen) { r.SigmaTotSq = 0 })},
		{name: "a norm that rounding eats", want: "A3", plot: both(every(func(r *RoundOpen) { r.D = 101 }), every(func(r *Question) { r.D = 101 }))},
		{name: "words that clamp the vector", want: "A3", plot: before(atOpen4, func(r *RoundOpen) { r.XMax = 79 })},
		{name: "words that wrap", want: "A3", plot: before(atOpen4, func(r *RoundOpen) { r.WordBits, r.SigmaTotSq = 16, 5328*5328 })},
		{name: "words of 11 bits", want: "A3", plot: before(atOpen4, func(r *RoundOpen) { r.WordBits = 11 })},
		{name: "packed words that hold nothing", want: "A3", plot: before(atOpen4, func(r *RoundOpen) { r.WordBits, r.XMax = 16, 0 })},
		{name: "packed words of more than the norm", want: "A3", plot: before(atOpen4, func(r *RoundOpen) { r.WordBits, r.XMax = 16, 81 })},
		{name: "words of no width", want: "A3", plot: before(atOpen4, func(r *RoundOpen) { r.WordBits = 0 })},
		{name: "noise beyond the sampler", want: "A3", plot: before(atOpen7, func(r *RoundOpen) { r.SigmaTotSq = 9<<28 + 1 })},
		{name: "a clip bit with little noise", want: "A3", plot: both(asked, before(atOpen7, func(r *RoundOpen) { r.SigmaBitSq = 9 * 15 })),
			spoil: at(atPolicy2, func(r *PolicyChange) { r.CeilingUnits = 1 << 60 })},
		{name: "a small roster", want: "A4", plot: both(before(atRoster3, func(r *Roster) { r.N, r.K, r.T = 8, 7, 5 }),
			before(atSurvivors3, func(r *Survivors) { r.Count = 8 }), before(atAbort3, func(r *Abort) { r.U1, r.U3 = 8, 8 }))},
		{name: "few survivors", want: "A4", plot: both(before(atSurvivors4, func(r *Survivors) { r.Count = 8 }), before(atClose4, func(r *RoundClose) { r.U3 = 8 }))},
		{name: "fewer survivors than δ allows", want: "A4", plot: both(every(func(r *Roster) { r.N, r.K, r.T = 20, 19, 11 }),
			every(func(r *Survivors) { r.Count = 17 }), every(func(r *RoundClose) { r.U1, r.U2, r.U3 = 20, 20, 17 }),
			every(func(r *Abort) { r.U1, r.U3 = 20, 17 }), before(atSurvivors4, func(r *Survivors) { r.Count = 16 }), before(atClose4, func(r *RoundClose) { r.U3 = 16 }))},
		{name: "more survivors than members", want: "A4", plot: both(before(atSurvivors3, func(r *Survivors) { r.Count = 11 }), before(atAbort3, func(r *Abort) { r.U3 = 11 }))},
		{name: "an overstated honest noise", want: "A5", spoil: at(atClose1, func(r *RoundClose) { r.HonestNoise++ })},
		{name: "no honest device", want: "A5 C2", plot: both(before(atOpen7, func(r *RoundOpen) { r.GammaBP = 9000 }),
			before(atRoster7, func(r *Roster) { r.N, r.K, r.T = 100, 99, 60 }), before(atSurvivors7, func(r *Survivors) { r.Count = 85 }),
			before(atUnclosed, func(r *Abort) { r.U1, r.U3 = 100, 85 }))},
		{name: "a low threshold", want: "C2", plot: before(atRoster4, func(r *Roster) { r.T = 5 })},
		{name: "a thin graph", want: "C2", plot: before(atRoster4, func(r *Roster) { r.K = 8 })},
		{name: "an impossible λ", want: "C2", plot: before(atOpen4, func(r *RoundOpen) { r.Lambda = 0 })},
	}
}

func forgedLedger() []forgery {
	return []forgery{
		{name: "an understated bound", want: "A6", spoil: at(atClose4, func(r *RoundClose) { r.RhoCumBound -= testUnits })},
		{name: "an aborted round that is not counted", want: "A6", spoil: at(atClose4, func(r *RoundClose) { r.RhoCumBound = 2 * testUnits })},
		{name: "a passed ceiling", want: "A6", plot: before(atPolicy, func(r *PolicyChange) { r.CeilingUnits = 3*testUnits - 1 })},
		{name: "a passed share of the ceiling", want: "A6", plot: before(atQuestion, func(r *Question) { r.ShareBP = 9999 })},
		{name: "a round after BudgetExhausted", want: "A6", plot: both(without(atPolicy2, 5), before(atPolicy2, func(r *RoundOpen) { r.ModelIn = h(0xa2) }))},
		{name: "an early BudgetExhausted", want: "A6", plot: with(atUnclosed+1, &BudgetExhausted{Round: 8})},
		{name: "a BudgetExhausted for a round that was opened", want: "A6", plot: before(atExhausted, func(r *BudgetExhausted) { r.Round = 4 })},
		{name: "a BudgetExhausted of no question", want: "A6", spoil: at(atExhausted, func(r *BudgetExhausted) { r.Question = h(1) })},
		{name: "a period for every round", want: "A10", plot: periods(0)},
		{name: "a period of a second for every round", want: "A10", plot: periods(1)},
		{name: "a period a second short", want: "A10", plot: before(atPolicy2, func(r *PolicyChange) { r.PeriodSeconds = testPeriod - 1 })},
		{name: "a policy with short periods that no round runs under", want: "A10", plot: with(atPolicy2, &PolicyChange{PeriodSeconds: testPeriod - 1})},
		{name: "a period that begins early", want: "A6", plot: func(all []Record) []Record {
			for _, i := range []int{atOpen6, atOpen7} {
				all[i].(*RoundOpen).OpenedAt -= 2000
			}
			return all
		}},
		{name: "another published figure", want: "A7", o: Options{Published: &Published{Epsilon: 11.69, Within: 0.005}}},
		{name: "the figure of the newest period", want: "A7", o: Options{Published: &Published{Epsilon: 17.86, Within: 0.005}}},
		{name: "the figure of the dearest period alone", want: "A7", o: Options{Published: &Published{Epsilon: 23.08, Within: 0.005}}},
		{name: "a figure that was rounded down", want: "A7", o: Options{Published: &Published{Epsilon: 32.21, Within: 0.005}}},
		{name: "a figure that is more than one digit above", want: "A7", o: Options{Published: &Published{Epsilon: 32.24, Within: 0.005}}},
		{name: "a figure at another δ", want: "A7", o: Options{Delta: 1e-8, Published: &Published{Epsilon: 32.22, Within: 0.005}}},
	}
}

// periods puts a PolicyChange before each round, whose ceiling holds one round, so that the ceiling stops nothing if a period is that short.
func periods(seconds uint64) func([]Record) []Record {
	return func(all []Record) (out []Record) {
		for _, r := range all {
			switch r.(type) {
			case *RoundOpen:
				out = append(out, &PolicyChange{CeilingUnits: testUnits, PeriodSeconds: seconds, P: 4, B: 1, NMin: 9, GammaBP: 500, DeltaBP: 1500}, r)
			case *PolicyChange, *BudgetExhausted:
			default:
				out = append(out, r)
			}
		}
		return out
	}
}

func forgedRounds() []forgery {
	twin := func(all []Record) []Record { return slices.Insert(all, atOpen3+1, all[atOpen3]) }
	return []forgery{
		{name: "a model from nowhere", want: "A8", plot: before(atOpen6, func(r *RoundOpen) { r.ModelIn = h(0xa9) })},
		{name: "a model that is made later", want: "A8", plot: before(atOpen4, func(r *RoundOpen) { r.ModelIn = h(0xa3) })},
		{name: "code that was not released", want: "A8", plot: before(atRelease, func(r *CodeRelease) { r.CodeHash = h(0xc1) })},
		{name: "code that is released later", want: "A8", plot: move(atRelease, atOpen1)},
		{name: "two rosters", want: "A9", plot: with(atSurvivors1, &Roster{N: 10, K: 9, T: 6, Root: h(0x21)}),
			spoil: at(atSurvivors1+1, func(r *Survivors) { r.Roster = LeafHash(honestEntries()[atRoster1]) })},
		{name: "two sets of survivors", want: "A9", plot: with(atAbort3, &Survivors{Count: 10, BitmapHash: h(0x54), InputsRoot: h(0x55)})},
		{name: "two ends", want: "A9", plot: with(atOpen2, &Abort{Phase: 5, U1: 10, U2: 10, U3: 9})},
		{name: "a round without an end", want: "A9", plot: without(atAbort3, 1)},
		{name: "a round without an end, at the end", want: "A9", plot: without(atUnclosed, 1)},
		{name: "a round that is open after its last deadline", want: "A9", plot: without(atUnclosed, 1), o: Options{Live: true, Now: testStart + testPeriod + 1181}},
		{name: "a round opened twice", want: "A9", plot: twin},
		{name: "survivors of another roster", want: "A9", spoil: at(atSurvivors7, func(r *Survivors) { r.Roster = h(1) }),
			plot: before(atUnclosed, func(r *Abort) { r.U3 = 0 })},
		{name: "survivors of another session", want: "A9", spoil: at(atSurvivors7, func(r *Survivors) { r.SID[31] ^= 1 })},
		{name: "survivors of another session in mode SM", want: "A9", plot: before(atOpen7, func(r *RoundOpen) { r.Mode = 2 }),
			spoil: at(atSurvivors7, func(r *Survivors) { r.SID[0] ^= 1 })},
		{name: "survivors of another cohort's session", want: "A9", spoil: at(atSurvivors7, func(r *Survivors) {
			r.SID = aggregation.SessionID(r.Open, r.Roster, aggregation.GraphSeed(r.Open, r.Roster), 1)
		})},
		{name: "survivors of a second cohort", want: "A9", plot: both(before(atSurvivors7, func(r *Survivors) { r.Cohort = 1 }))},
		{name: "a sum without survivors", want: "A9", plot: without(atSurvivors6, 1)},
		{name: "a roster of no round", want: "A9", plot: with(atOpen7, frozen()), spoil: at(atOpen7, func(r *Roster) { r.Open = h(1) })},
		{name: "a close of other survivors", want: "A9", spoil: at(atClose4, func(r *RoundClose) { r.Survivors[0] = h(1) })},
		{name: "a close with other counts", want: "A9", spoil: at(atClose4, func(r *RoundClose) { r.U3 = 10 })},
		{name: "an abort with other counts", want: "A9", spoil: at(atAbort3, func(r *Abort) { r.U1 = 11 })},
		{name: "deadlines that run backwards", want: "A9", plot: before(atOpen4, func(r *RoundOpen) { r.Deadlines[2] = 80 })},
		{name: "no deadline", want: "A9", plot: before(atOpen4, func(r *RoundOpen) { r.Deadlines = [5]uint32{} })},
		{name: "a link to no round", want: "C1", spoil: at(atOpen4, func(r *RoundOpen) { r.PrevRound = h(1) })},
		{name: "a first round with a past", want: "C1", spoil: at(atOpen1, func(r *RoundOpen) { r.PrevRound = h(1) })},
		{name: "a link over a round", want: "C1", spoil: at(atOpen3, func(r *RoundOpen) { r.PrevRound = LeafHash(honestEntries()[atClose1]) })},
		{name: "a round number again", want: "C1", plot: before(atOpen6, func(r *RoundOpen) { r.Round = 4 })},
		{name: "time that runs backwards", want: "C1", plot: before(atOpen3, func(r *RoundOpen) { r.OpenedAt = testStart + 999 })},
		{name: "a round after the certificate", want: "A1", plot: both(before(atOpen7, func(r *RoundOpen) { r.OpenedAt = certEnd + 1 }),
			before(atQuestion, func(r *Question) { r.Expiry = certEnd + 2 }))},
	}
}

// TestForgedLogIsCaughtByItsCheck signs every forgery with the right keys, so that nothing but the check's own rule can see it.
func TestForgedLogIsCaughtByItsCheck(t *testing.T) {
	tripped := map[string]bool{}
	for _, f := range forgeries() {
		t.Run(f.name, func(t *testing.T) {
			records := honestRecords()
			if f.plot != nil {
				records = f.plot(records)
			}
			entries := (&scribe{spoil: f.spoil}).write(records)
			ids, all := failed(t, folderOf(entries, len(entries)), f.o)
			if got := strings.Join(ids, " "); got != f.want {
				t.Errorf("%q failed, want %s:\n%s", got, f.want, all)
			}
			for _, id := range ids {
				tripped[id] = true
			}
		})
	}
	for _, c := range checks {
		if !tripped[c.id] && c.id != "A11" && c.id != "A12" {
			t.Errorf("no forgery trips %s", c.id)
		}
	}
}

func TestLogMustExtendTheKeptCheckpoint(t *testing.T) {
	entries := honestEntries()
	other := (&scribe{spoil: at(atQuestion, func(r *Question) { r.Purpose = "something else" })}).write(honestRecords())
	foreign, err := SignCheckpoint(testOrigin, testKey(8), 9, logOf(entries).Root(9))
	if err != nil {
		t.Fatal(err)
	}
	for name, since := range map[string][]byte{
		"a longer log": folderOf(entries, 27)["checkpoint"].Data, "another history": folderOf(other, 9)["checkpoint"].Data,
		"another key": foreign, "no checkpoint": []byte("x"), "an empty file": {},
	} {
		if ids, all := failed(t, folderOf(entries, atOpen6), Options{Since: since}); strings.Join(ids, " ") != "A1" {
			t.Errorf("%s: %v failed:\n%s", name, ids, all)
		}
	}
	for _, size := range []int{0, 1, 9, atOpen6} {
		if ids, all := failed(t, folderOf(entries, atOpen6), Options{Since: folderOf(entries, size)["checkpoint"].Data}); len(ids) > 0 {
			t.Errorf("from %d entries: %v failed:\n%s", size, ids, all)
		}
	}
}

// TestRunningRoundNeedsLive cuts the honest log after every entry: what a running coordinator shows.
func TestRunningRoundNeedsLive(t *testing.T) {
	entries := honestEntries()
	over := map[int]bool{0: true, 1: true, 2: true, 3: true, 7: true, 9: true, 13: true, 17: true, 18: true, 19: true, 23: true, 27: true}
	for size := range len(entries) + 1 {
		fsys := folderOf(entries, size)
		ids, all := failed(t, fsys, Options{})
		if want := map[bool]string{true: "", false: "A9"}[over[size]]; strings.Join(ids, " ") != want {
			t.Errorf("%d entries: %v failed, want %q:\n%s", size, ids, want, all)
		}
		if ids, all := failed(t, fsys, Options{Live: true, Now: testStart}); len(ids) > 0 {
			t.Errorf("%d entries, live: %v failed:\n%s", size, ids, all)
		}
	}
	r, err := Verify(folderOf(entries, atOpen4+1), testRules(), Options{})
	if err != nil || !strings.Contains(r.Checks[8].Next, "--live") {
		t.Errorf("the next step of an open round is %q, %v", r.Checks[8].Next, err)
	}
	for now, want := range map[uint64]int{testStart + 3180: 0, testStart + 3181: 1, math.MaxUint64: 1} {
		if ids, all := failed(t, folderOf(entries, atOpen4+1), Options{Live: true, Now: now}); len(ids) != want {
			t.Errorf("at %d: %v failed:\n%s", now, ids, all)
		}
	}
}

// TestHonestChangesPass are logs that look odd and break nothing.
func TestHonestChangesPass(t *testing.T) {
	for name, plot := range map[string]func([]Record) []Record{
		"a round back on an older model": before(atOpen6, func(r *RoundOpen) { r.ModelIn = h(0xa0) }),
		"a policy change within the period": with(atOpen3, &PolicyChange{CeilingUnits: 3 * testUnits, PeriodSeconds: 2 * testPeriod, P: 4, B: 1, NMin: 9,
			GammaBP: 500, DeltaBP: 1500}),
		"a witnessed round, whose session id the log does not give": before(atOpen7, func(r *RoundOpen) { r.Mode, r.SeedKind, r.Lambda, r.WitnessPolicy = 1, 1, 80, h(1) }),
		"a stricter round": before(atOpen7, func(r *RoundOpen) { r.C, r.P, r.SigmaTotSq = r.C-1, 3, 1700 }),
		"a charged clip bit": both(both(asked, before(atOpen7, func(r *RoundOpen) { r.SigmaBitSq = 4096 })),
			before(atPolicy2, func(r *PolicyChange) { r.CeilingUnits *= 2 })),
		"a skipped round number":  before(atOpen7, func(r *RoundOpen) { r.Round = 70 }),
		"a second question":       with(atOpen1, &Question{ID: "count", Expiry: 1}, honestRecords()[atQuestion]),
		"no budget record at all": without(atExhausted, 1),
	} {
		entries := (&scribe{}).write(plot(honestRecords()))
		if ids, all := failed(t, folderOf(entries, len(entries)), Options{}); len(ids) > 0 {
			t.Errorf("%s: %v failed:\n%s", name, ids, all)
		}
	}
}

// TestWeakerTermsInAPeriodAreRemarked: they are allowed, and an auditor says so.
func TestWeakerTermsInAPeriodAreRemarked(t *testing.T) {
	for _, tt := range []struct {
		change       func(*PolicyChange)
		place        int
		want, absent string
	}{
		{func(p *PolicyChange) { p.CeilingUnits++ }, atOpen3, "from round 3 on, in the middle of a period, the ceiling is 6597069766657 instead of 6597069766656", "n_min"},
		{func(p *PolicyChange) { p.NMin-- }, atOpen3, "from round 3 on, in the middle of a period, n_min is 8 instead of 9", "γ"},
		{func(p *PolicyChange) { p.GammaBP-- }, atOpen4, "from round 4 on, in the middle of a period, γ is 499 instead of 500", "n_min"},
		{func(p *PolicyChange) {}, atOpen3, "6 rounds", "middle"},
		{func(p *PolicyChange) { p.NMin, p.GammaBP = 8, 499 }, atOpen6, "6 rounds", "middle"}, // with a new period
	} {
		p := *honestRecords()[atPolicy].(*PolicyChange)
		tt.change(&p)
		entries := (&scribe{}).write(with(tt.place, &p)(honestRecords()))
		r, err := Verify(folderOf(entries, len(entries)), testRules(), Options{})
		if err != nil || !r.OK {
			t.Fatalf("%+v, %v", r, err)
		}
		if got := r.Checks[9].Detail; !strings.Contains(got, tt.want) || strings.Contains(got, tt.absent) {
			t.Errorf("A10 says %q, want %q", got, tt.want)
		}
	}
}

// TestNoPeriodHidesADearerOne: the figure is the dearest period's, whichever is the newest.
func TestNoPeriodHidesADearerOne(t *testing.T) {
	for rounds, want := range map[int]uint64{1: 3, 2: 3, 3: 3, 4: 4} { // charged rounds of the second period; the first has 3
		all := honestRecords()[:atPolicy2+1]
		all[atPolicy2].(*PolicyChange).CeilingUnits = 4 * testUnits
		for i := range rounds {
			all = append(all, opened(uint64(6+i), testStart+testPeriod+uint64(i), 0xa2), frozen(), sealed(), &Abort{Phase: 5, Reason: 9, U1: 10, U2: 10, U3: 9})
		}
		entries := (&scribe{}).write(all)
		r, err := Verify(folderOf(entries, len(entries)), testRules(), Options{})
		if err != nil || !r.OK {
			t.Fatalf("%+v, %v", r, err)
		}
		if r.RhoUnits != want*testUnits || r.TotalRhoUnits != uint64(3+rounds)*testUnits {
			t.Errorf("%d rounds: %d units of %d in all, want %d rounds' worth of %d", rounds, r.RhoUnits, r.TotalRhoUnits, want, 3+rounds)
		}
	}
}

func TestVerifyRefusesWrongOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"δ of 1": {Delta: 1}, "a negative δ": {Delta: -1e-6}, "δ that is no number": {Delta: math.NaN()},
		"an infinite ε": {Published: &Published{Epsilon: math.Inf(1)}}, "ε that is no number": {Published: &Published{Epsilon: math.NaN()}},
		"a negative ε": {Published: &Published{Epsilon: -1}}, "a slack that is no number": {Published: &Published{Within: math.NaN()}},
	} {
		if _, err := Verify(honestFolder(), testRules(), o); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestUnreadableLogMakesNoClaims(t *testing.T) {
	fsys := honestFolder()
	delete(fsys, "checkpoint")
	r, err := Verify(fsys, testRules(), Options{})
	if err != nil || r.OK || r.Checks[0].Status != StatusFail || !strings.Contains(r.Checks[0].Detail, "log/checkpoint is missing") {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, c := range r.Checks[1:] {
		if c.Status != StatusNotChecked {
			t.Errorf("%s is %s of a log that was not read", c.ID, c.Status)
		}
	}
}

// TestNoRecordsMakeVerifyPanic signs records of any content in any order.
func TestNoRecordsMakeVerifyPanic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := honestRecords()
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			i := rapid.IntRange(0, len(records)-1).Draw(t, "at")
			switch rapid.IntRange(0, 2).Draw(t, "change") {
			case 0:
				records[i] = drawRecord(t)
			case 1:
				records = slices.Insert(records, i, drawRecord(t))
			case 2:
				j := rapid.IntRange(0, len(records)-1).Draw(t, "with")
				records[i], records[j] = records[j], records[i]
			}
		}
		var entries [][]byte
		s := &scribe{opened: opened(0, 0, 0), n: 10}
		for _, r := range records {
			if o, ok := r.(*RoundOpen); ok && rapid.Bool().Draw(t, "linked") {
				o.PrevRound, o.Question = s.lastEnd, s.question
			}
			entry, err := Seal(testKey(7), r)
			if err != nil {
				t.Skip("a record too long")
			}
			entries = append(entries, entry)
		}
		r, err := Verify(folderOf(entries, len(entries)), testRules(), Options{Live: rapid.Bool().Draw(t, "live")})
		if err != nil || len(r.Checks) != len(checks) {
			t.Fatalf("%+v, %v", r, err)
		}
	})
}
