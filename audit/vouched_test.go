package audit

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// witnessedRecords is a log with one round in mode W under the policy: two cohorts of ten.
func witnessedRecords(p WitnessPolicy) []Record {
	open := opened(1, testStart, 0xa0)
	open.Mode, open.SeedKind, open.Lambda, open.Cohorts, open.WitnessPolicy = 1, 1, 80, 2, p.ID()
	roster := &Roster{N: 20, K: 9, T: 6, Root: h(0x20)}
	closed := ended(0xa1)
	closed.U1, closed.U2, closed.U3, closed.SumHash, closed.Drops = 20, 20, 19, [][32]byte{h(0x60), h(0x61)}, nil
	second := sealed()
	second.Cohort, second.Count = 1, 10
	return append(honestRecords()[:atOpen1], open, roster, sealed(), second, closed)
}

// The places of its records.
const atOpenW, atRosterW, atFirstW, atSecondW, atCloseW = 3, 4, 5, 6, 7

// oneCohort is the first round of the honest log in mode W.
func oneCohort(p WitnessPolicy) []Record {
	records := honestRecords()[:atClose1+1]
	open := records[atOpen1].(*RoundOpen)
	open.Mode, open.SeedKind, open.Lambda, open.WitnessPolicy = 1, 1, 80, p.ID()
	return records
}

// witnessedFolder is that log's folder with a checkpoint that the policy's witnesses in by signed, and the policy as log/policy.
func witnessedFolder(t testing.TB, p WitnessPolicy, records []Record, by ...int) fstest.MapFS {
	t.Helper()
	entries := (&scribe{}).write(records)
	fsys := folderOf(entries, len(entries))
	msg := fsys["checkpoint"].Data
	var lines [][]byte
	for _, i := range by {
		lines = append(lines, cosigned(t, p, i, msg, testTime+uint64(i)))
	}
	fsys["checkpoint"].Data = must(AddCosignatures(msg, lines, p))
	fsys["policy"] = &fstest.MapFile{Data: p.Text()}
	return fsys
}

// cohortRules are the tests' rules with a graph of their own for two cohorts of ten.
func cohortRules() Rules {
	r := testRules()
	r.CheckDegree = func(g Graph) error {
		if g.Cohorts != 2 || g.N != 20 || g.K != 9 || g.T != 6 {
			return fmt.Errorf("asked about %+v", g)
		}
		return nil
	}
	return r
}

// failures lists the checks that fail.
func failures(t testing.TB, fsys fstest.MapFS, o Options) (string, Report) {
	t.Helper()
	rules := cohortRules()
	if _, ok := fsys["tile/0/000.p/7"]; ok {
		rules = testRules() // the log of oneCohort
	}
	r, err := Verify(fsys, rules, o)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, c := range r.Checks {
		if c.Status == StatusFail {
			ids = append(ids, c.ID+" ("+c.Detail+")")
		}
	}
	return strings.Join(ids, " "), r
}

func w1(r Report) Check {
	return r.Checks[slices.IndexFunc(r.Checks, func(c Check) bool { return c.ID == "W1" })]
}

func TestWitnessedLogPasses(t *testing.T) {
	p := witnesses(3, 2)
	fsys := witnessedFolder(t, p, oneCohort(p), 2, 0)
	goldenFolder(t, "testdata/witnessed", fsys)
	if failed, _ := failures(t, witnessedFolder(t, p, witnessedRecords(p), 2, 0), Options{}); failed != "" {
		t.Errorf("with two cohorts: %s failed", failed)
	}
	id := p.ID()
	for _, tt := range []struct {
		from, detail string
		o            Options
	}{
		{"log", "compare its id", Options{}},
		{"auditor", "the policy that was given", Options{Witnesses: []WitnessPolicy{p}}},
	} {
		failed, r := failures(t, fsys, tt.o)
		if failed != "" || r.PolicyFrom != tt.from || r.WitnessPolicy != fmt.Sprintf("%x", id) || r.WitnessedAt != testTime ||
			!slices.Equal(r.Witnesses, []string{p.Witnesses[0].Name, p.Witnesses[2].Name}) {
			t.Errorf("%s failed, %s names %s, signed by %v at %d", failed, r.PolicyFrom, r.WitnessPolicy, r.Witnesses, r.WitnessedAt)
		}
		if c := w1(r); c.Status != StatusOK || !strings.Contains(c.Detail, tt.detail) || !strings.Contains(c.Detail, "1 rounds in mode W") {
			t.Errorf("%+v", c)
		}
	}
}

// TestNoPolicyIsNoVerdict: without a policy the cosignatures say nothing, and the report does not claim otherwise.
func TestNoPolicyIsNoVerdict(t *testing.T) {
	p := witnesses(3, 2)
	fsys := witnessedFolder(t, p, witnessedRecords(p), 0, 1)
	delete(fsys, "policy")
	failed, r := failures(t, fsys, Options{})
	if c := w1(r); failed != "" || c.Status != StatusNotChecked || !strings.Contains(c.Detail, "wants the witness policy") || r.WitnessPolicy != "" || r.Witnesses != nil {
		t.Errorf("%s failed, %+v", failed, c)
	}
	plain, err := Verify(honestFolder(), testRules(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c := w1(plain); c.Status != StatusNotChecked || !strings.Contains(c.Detail, "no witness policy") {
		t.Errorf("a log without witnesses: %+v", c)
	}
}

// TestTamperingWithThePolicy: a log that is rewritten with witnesses of its own convinces nobody who brought a policy, and names an id that
// is not the one its rounds were opened under.
func TestTamperingWithThePolicy(t *testing.T) {
	p := witnesses(3, 2)
	own := WitnessPolicy{Witnesses: []Witness{{"own.example/w1", public(testKey(60))}}, Quorum: 1}
	sign := func(fsys fstest.MapFS) fstest.MapFS {
		base := folderOf((&scribe{}).write(witnessedRecords(p)), atCloseW+1)["checkpoint"].Data
		line, err := Cosign(own.Witnesses[0].Name, testKey(60), base, testTime)
		if err != nil {
			t.Fatal(err)
		}
		fsys["checkpoint"].Data = must(AddCosignatures(base, [][]byte{line}, own))
		fsys["policy"].Data = own.Text()
		return fsys
	}
	swapped := sign(witnessedFolder(t, p, witnessedRecords(p), 0, 1))
	if failed, _ := failures(t, swapped, Options{}); !strings.HasPrefix(failed, "W1 (round 1 names the witness policy") {
		t.Errorf("another policy in the log: %s", failed)
	}
	if failed, _ := failures(t, swapped, Options{Witnesses: []WitnessPolicy{p}}); !strings.HasPrefix(failed, "W1 (open cosigned checkpoint") {
		t.Errorf("another policy in the log, the true one given: %s", failed)
	}
	for name, tt := range map[string]struct {
		want string
		edit func(fstest.MapFS)
		o    Options
	}{
		"below the quorum":  {"W1 (open cosigned checkpoint: 1 cosign", func(f fstest.MapFS) { f["checkpoint"].Data = dropLine(f["checkpoint"].Data, 6) }, Options{}},
		"without witnesses": {"W1 (open cosigned checkpoint: 0 cosign", func(f fstest.MapFS) { f["checkpoint"].Data = dropLine(dropLine(f["checkpoint"].Data, 6), 5) }, Options{}},
		"a changed cosignature": {"W1 (", func(f fstest.MapFS) {
			at := bytes.LastIndex(f["checkpoint"].Data, []byte("A"))
			f["checkpoint"].Data[at] = 'B'
		}, Options{}},
		"a policy that is none": {"A1 (log/policy: parse witness policy", func(f fstest.MapFS) { f["policy"].Data = []byte("# none\n") }, Options{}},
		"an empty policy":       {"A1 (log/policy: parse witness policy", func(f fstest.MapFS) { f["policy"].Data = nil }, Options{}},
		"a policy of another quorum": {"W1 (round 1 names", func(f fstest.MapFS) {
			f["policy"].Data = WitnessPolicy{p.Witnesses, 1}.Text()
		}, Options{}},
	} {
		fsys := witnessedFolder(t, p, witnessedRecords(p), 0, 1)
		tt.edit(fsys)
		if failed, r := failures(t, fsys, tt.o); !strings.HasPrefix(failed, tt.want) || r.OK {
			t.Errorf("%s: %s failed, want %s", name, failed, tt.want)
		}
	}
	if _, err := Verify(swapped, cohortRules(), Options{Witnesses: []WitnessPolicy{{}}}); err == nil {
		t.Error("an empty policy was taken as an auditor's")
	}
}

// TestOneChangedByteOfAWitnessedHead changes every byte of the cosigned checkpoint and of the policy.
func TestOneChangedByteOfAWitnessedHead(t *testing.T) {
	p := witnesses(3, 2)
	fsys := witnessedFolder(t, p, witnessedRecords(p), 0, 1)
	for _, name := range []string{"checkpoint", "policy"} {
		data := fsys[name].Data
		for i := range data {
			data[i] ^= 1
			if r, err := Verify(fsys, cohortRules(), Options{}); err != nil || r.OK {
				t.Fatalf("byte %d of %s changed: ok %v, %v", i, name, r.OK, err)
			}
			data[i] ^= 1
		}
	}
}

// dropLine removes the line of that number, from 0.
func dropLine(msg []byte, n int) []byte {
	return bytes.Join(slices.Delete(bytes.SplitAfter(msg, []byte("\n")), n, n+1), nil)
}

// TestPolicyMayChange: rounds of an earlier policy pass where the auditor brings that one too.
func TestPolicyMayChange(t *testing.T) {
	old, p := witnesses(2, 1), witnesses(3, 2)
	fsys := witnessedFolder(t, p, witnessedRecords(old), 0, 2)
	if failed, r := failures(t, fsys, Options{Witnesses: []WitnessPolicy{p}}); !strings.HasPrefix(failed, "W1 (round 1") || !strings.Contains(w1(r).Next, "of that time") {
		t.Errorf("%s failed, next %q", failed, w1(r).Next)
	}
	if failed, _ := failures(t, fsys, Options{Witnesses: []WitnessPolicy{p, old}}); failed != "" {
		t.Errorf("with both policies: %s", failed)
	}
	if failed, _ := failures(t, fsys, Options{Witnesses: []WitnessPolicy{old, p}}); !strings.HasPrefix(failed, "W1 (open cosigned checkpoint") {
		t.Errorf("with the old one first: %s", failed)
	}
}

// TestCohorts: each forgery of a round with two cohorts is seen by the check whose rule it breaks.
func TestCohorts(t *testing.T) {
	p := witnesses(3, 2)
	for _, tt := range []struct {
		name, want string
		plot       func([]Record) []Record
	}{
		{"a cohort without survivors", "A9", without(atSecondW, 1)},
		{"one cohort twice", "A9", before(atSecondW, func(r *Survivors) { r.Cohort = 0 })},
		{"a cohort too many", "A9", before(atSecondW, func(r *Survivors) { r.Cohort = 2 })},
		{"cohorts in another order", "A9", func(all []Record) []Record { all[atFirstW], all[atSecondW] = all[atSecondW], all[atFirstW]; return all }},
		{"a sum of the first cohort alone", "A9", before(atCloseW, func(r *RoundClose) { r.U3 = 9 })},
		{"a thin second cohort", "A4", both(before(atSecondW, func(r *Survivors) { r.Count = 8 }), before(atCloseW, func(r *RoundClose) { r.U3 = 17 }))},
		{"a cohort of more than its block", "A4", both(before(atSecondW, func(r *Survivors) { r.Count = 11 }), before(atCloseW, func(r *RoundClose) { r.U3 = 20 }))},
		{"unequal cohorts", "A4 C2", both(before(atRosterW, func(r *Roster) { r.N = 21 }), before(atCloseW, func(r *RoundClose) { r.U1, r.U2 = 21, 21 }))},
		{"blocks below n_min", "A4 C2", both(before(atRosterW, func(r *Roster) { r.N = 16 }), every(func(r *Survivors) { r.Count = 8 }),
			before(atCloseW, func(r *RoundClose) { r.U1, r.U2, r.U3 = 16, 16, 16 }))},
		{"the noise of the whole roster", "A5", before(atOpenW, func(*RoundOpen) {})},
		{"no cohort", "A9 A10", before(atOpenW, func(r *RoundOpen) { r.Cohorts = 0 })},
		{"33 cohorts", "A4 A9 A10", before(atOpenW, func(r *RoundOpen) { r.Cohorts = MaxCohorts + 1 })},
		{"a flood of cohorts", "A4 A9 A10", before(atOpenW, func(r *RoundOpen) { r.Cohorts = 1<<32 - 1 })},
	} {
		s := &scribe{}
		if tt.want == "A5" {
			s.spoil = at(atCloseW, func(r *RoundClose) { r.HonestNoise = 1600 })
		}
		records := tt.plot(witnessedRecords(p))
		entries := s.write(records)
		fsys := folderOf(entries, len(entries))
		r, err := Verify(fsys, cohortRules(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		var all string
		for _, c := range r.Checks {
			got[c.ID] = c.Status == StatusFail
			all += fmt.Sprintf("%s %s: %s\n", c.Status, c.ID, c.Detail)
		}
		for _, id := range strings.Fields(tt.want) {
			if !got[id] {
				t.Errorf("%s: %s did not fail:\n%s", tt.name, id, all)
			}
		}
	}
}
