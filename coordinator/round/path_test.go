package round

import (
	"slices"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

// records opens every entry that the machine asked to log.
func (w *world) records() []audit.Record {
	w.t.Helper()
	var out []audit.Record
	for _, f := range w.facts {
		r, err := audit.OpenEntry(prototest.Public(w.cfg.Key), f.Entry)
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func TestCleanRoundGivesTheExactSum(t *testing.T) {
	for _, n := range []int{3, 5, 10, 64} {
		w := newWorld(t, settings{n: n, delta: 1000}).revealAll()
		want := w.plainSum()
		w.now = w.now.Add(1500 * time.Millisecond)
		sum, err := w.settle()
		if err != nil || !slices.Equal(sum, want) {
			t.Fatalf("n = %d: %v", n, err)
		}
		w.in(Done)
		r := w.result
		if r.U1 != n || r.U2 != n || r.U3 != n || r.Reason != NoReason || r.Model != [32]byte{1} || r.Sums[0] != aggregation.SumHash(aggregation.Signed(want, 32)) {
			t.Errorf("n = %d: %+v", n, r)
		}
		if r.Millis != [5]uint32{0, 0, 0, 0, 1500} {
			t.Errorf("n = %d: phases took %v", n, r.Millis)
		}
		w.replays()
	}
}

// TestLogOfACleanRound: three entries, chained by hash; the population is charged with Survivors and the head moves with
// RoundClose, and nowhere else.
func TestLogOfACleanRound(t *testing.T) {
	w := newWorld(t, settings{n: 10, delta: 3000}).revealAll()
	if _, err := w.settle(); err != nil {
		t.Fatal(err)
	}
	records := w.records()
	if len(records) != 3 {
		t.Fatalf("%d entries", len(records))
	}
	roster, survivors, closed := records[0].(*audit.Roster), records[1].(*audit.Survivors), records[2].(*audit.RoundClose)
	rosterHash, survivorsHash := audit.LeafHash(w.facts[0].Entry), audit.LeafHash(w.facts[1].Entry)
	if roster.Open != w.m.OpenHash() || roster.N != 10 || roster.K != 9 || roster.T != 6 {
		t.Errorf("roster %+v", roster)
	}
	if survivors.Roster != rosterHash || survivors.SID != w.sid() || survivors.Count != 10 {
		t.Errorf("survivors %+v", survivors)
	}
	if closed.Roster != rosterHash || closed.Survivors[0] != survivorsHash || closed.U3 != 10 || closed.RhoCumBound != 77 || len(closed.Drops) != 0 {
		t.Errorf("close %+v", closed)
	}
	for i, f := range w.facts {
		if f.Reserve != (i == 1) || (f.Publish != nil) != (i == 2) {
			t.Errorf("entry %d: reserve %v, publish %v", i, f.Reserve, f.Publish)
		}
	}
	for _, d := range w.devices {
		end := take[*protocol.Close](d)
		leaf := inputLeaf(d.index, w.m.Header(d.id).YHash)
		if err := audit.CheckMerkle(end.InputProof, 10, int(end.InputIndex), survivors.InputsRoot, leaf); err != nil {
			t.Errorf("member %d: %v", d.index, err)
		}
		at, path := InputProof(w.result.Members, d.id)
		if err := audit.CheckMerkle(path, 10, at, survivors.InputsRoot, leaf); err != nil {
			t.Errorf("member %d, from what is kept: %v", d.index, err)
		}
		peers := take[*protocol.Roster](d).Peers
		for _, p := range peers {
			if err := audit.CheckMerkle(p.Proof, 10, int(p.Index), roster.Root, rosterLeaf(p.Index, p.Key)); err != nil {
				t.Errorf("member %d, key of %d: %v", d.index, p.Index, err)
			}
		}
		receipt := take[*protocol.Receipt](d)
		if err := receipt.Verify(protocol.Verifier{Ed: prototest.Public(w.cfg.Key)}); err != nil || receipt.Index != d.index {
			t.Errorf("receipt of member %d: %v", d.index, err)
		}
	}
	if at, path := InputProof(w.result.Members, [32]byte{9}); at != -1 || path != nil {
		t.Error("a stranger has a proof")
	}
}

// TestLossesAreBorneUpToTheBound loses members in each phase, one after the other, and checks the sum each time.
func TestLossesAreBorneUpToTheBound(t *testing.T) {
	const n = 10 // t = 6, at least 7 survivors
	for lost := range 5 {
		w := newWorld(t, settings{n: n, delta: 3000}).advertiseAll()
		for _, d := range w.devices[lost/2:] {
			w.ok(d.say(d.shares()))
		}
		w.at(20)
		if w.m.Phase() != Inputs {
			t.Fatalf("%d lost: phase %v", lost/2, w.m.Phase())
		}
		for _, d := range w.devices[lost:] {
			w.ok(d.say(d.input()))
			d.upload()
		}
		w.at(30)
		if lost > 3 {
			w.failed(TooFewInputs)
			continue
		}
		w.in(Unmask)
		for _, d := range w.devices[lost:] {
			w.ok(d.say(d.reveal(false)))
		}
		want := w.plainSum()
		if n-lost-1 < 6 { // a survivor's b needs t of the others
			continue
		}
		sum, err := w.settle()
		if err != nil || !slices.Equal(sum, want) || w.result.U3 != n-lost {
			t.Fatalf("%d lost: %v, %+v", lost, err, w.result)
		}
		closed := w.records()[2].(*audit.RoundClose)
		drops := map[Reason]uint32{}
		for _, d := range closed.Drops {
			drops[Reason(d.Reason)] = d.Count
		}
		if drops[NoShares] != uint32(lost/2) || drops[NoInput] != uint32(lost-lost/2) {
			t.Errorf("%d lost: drops %v", lost, drops)
		}
		w.replays()
	}
}
