package audit

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkVerify audits a thousand charged rounds. The baseline is the one part that cannot be saved: a signature for every entry.
func BenchmarkVerify(b *testing.B) {
	s := &scribe{}
	records := honestRecords()[:atOpen1]
	policy, question := records[atPolicy].(*PolicyChange), records[atQuestion].(*Question)
	policy.CeilingUnits, policy.P, question.P = 1<<62, 30, 30
	for i := range uint64(1000) {
		open := opened(i+1, testStart+i, 0xa0)
		open.P = 30
		records = append(records, open, frozen(), sealed(), &Abort{Phase: 5, Reason: 9, U1: 10, U2: 10, U3: 9})
	}
	entries := s.write(records)
	fsys := folderOf(entries, len(entries))
	began := time.Now()
	for _, e := range entries {
		if _, err := OpenEntry(public(testKey(7)), e); err != nil {
			b.Fatal(err)
		}
	}
	baseline := time.Since(began)
	for b.Loop() {
		if r, err := Verify(fsys, testRules(), Options{}); err != nil || !r.OK {
			b.Fatalf("%+v, %v", r, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(baseline), "x-of-signatures-alone")
}

// BenchmarkLedger takes rounds one by one, and compares it with computing every round's worst case afresh.
func BenchmarkLedger(b *testing.B) {
	rules := testRules()
	for _, terms := range []struct{ rounds, p, b uint32 }{{400, 30, 1}, {800, 30, 1}, {800, 800, 1}, {800, 10, 20}} {
		b.Run(fmt.Sprintf("rounds=%d/P=%d/b=%d", terms.rounds, terms.p, terms.b), func(b *testing.B) {
			var costs []RoundCost
			for i := range uint64(terms.rounds) {
				costs = append(costs, RoundCost{Round: i, Units: testUnits + i*7919%1009})
			}
			began := time.Now()
			var want uint64
			for i := range costs {
				want = rules.WorstCase(costs[:i+1], terms.p, terms.b, 1<<63)
			}
			baseline := time.Since(began)
			for b.Loop() {
				l := newLedger()
				for _, c := range costs {
					l.take(&rules, h(1), c, terms.p, terms.b)
				}
				if l.bound() != want {
					b.Fatalf("%d, want %d", l.bound(), want)
				}
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(baseline), "x-of-afresh")
		})
	}
}
