package audit

import (
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
