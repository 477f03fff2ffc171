package sim

import (
	"strings"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// finished is a world whose only round ended well, with what it ended with.
func finished(t *testing.T) (*world, *round.Result, []uint32) {
	t.Helper()
	w, err := newWorld(Config{Seed: 5, Devices: 5, Min: 3, DeltaBP: 3000, D: 10, Lose: map[Step]int{AtInput: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.run(); err != nil {
		t.Fatal(err)
	}
	res := &round.Result{Phase: round.Done, U3: 4, Sums: [][32]byte{aggregation.SumHash(aggregation.Signed(w.coord.sums[0], 32))}}
	for _, f := range w.coord.closings {
		res.Members = f.members
	}
	return w, res, append([]uint32(nil), w.coord.sums[0]...)
}

// TestOracleCatches plants each mistake in a round that ended well.
func TestOracleCatches(t *testing.T) {
	rehash := func(r *round.Result, sum []uint32) { r.Sums[0] = aggregation.SumHash(aggregation.Signed(sum, 32)) }
	counted := func(r *round.Result) int {
		for i, m := range r.Members {
			if m.Leaf >= 0 {
				return i
			}
		}
		return -1
	}
	for name, c := range map[string]struct {
		plant func(w *world, r *round.Result, sum []uint32)
		want  string
	}{
		"nothing": {func(*world, *round.Result, []uint32) {}, ""},
		"a vector counts twice": {func(w *world, r *round.Result, sum []uint32) {
			sum[w.byID[r.Members[counted(r)].ID].place()]++
			rehash(r, sum)
		}, "holds 2"},
		"a vector is left out": {func(w *world, r *round.Result, sum []uint32) {
			sum[w.byID[r.Members[counted(r)].ID].place()]--
			rehash(r, sum)
		}, "holds 0"},
		"a mask stays on":       {func(_ *world, r *round.Result, sum []uint32) { sum[9] += 1 << 30; rehash(r, sum) }, "holds 1073741824"},
		"another hash":          {func(_ *world, r *round.Result, _ []uint32) { r.Sums[0][0] ^= 1 }, "hash"},
		"a member listed twice": {func(_ *world, r *round.Result, _ []uint32) { r.Members = append(r.Members, r.Members[counted(r)]) }, "twice"},
		"a member not counted":  {func(_ *world, r *round.Result, _ []uint32) { r.Members[counted(r)].Leaf = -1 }, "members are included"},
		"never charged":         {func(w *world, r *round.Result, _ []uint32) { delete(w.oracle.charged, r.Members[counted(r)].ID) }, "never charged"},
		"other noise":           {func(w *world, r *round.Result, _ []uint32) { w.oracle.noise[r.Members[counted(r)].ID][3]++ }, "place 3"},
		"below the minimum":     {func(w *world, _ *round.Result, _ []uint32) { w.cfg.Min = 5 }, "minimum"},
		"receipted, left out": {func(w *world, r *round.Result, _ []uint32) {
			w.oracle.receipts[[32]byte{1}] = true
		}, "receipted"},
	} {
		w, r, sum := finished(t)
		c.plant(w, r, sum)
		err := w.oracle.settled(r, [][]uint32{sum})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestOracleHearsLies plants each thing that nobody may say.
func TestOracleHearsLies(t *testing.T) {
	for name, c := range map[string]struct {
		say  func(w *world, d *device) error
		want string
	}{
		"a second key set": {func(w *world, d *device) error {
			a := &protocol.Advertise{OpenHash: [32]byte{1}}
			if err := w.oracle.sends(d, a); err != nil {
				return err
			}
			b := *a
			b.Key.BC[0]++
			return w.oracle.sends(d, &b)
		}, "other bytes"},
		"a second vector": {func(w *world, d *device) error {
			sid := d.entries[0].SID
			if err := w.oracle.sends(d, &protocol.Chunk{SID: sid, Offset: 1 << 40, Data: []byte{1}}); err != nil {
				return err
			}
			return w.oracle.sends(d, &protocol.Chunk{SID: sid, Offset: 1 << 40, Data: []byte{2}})
		}, "other bytes"},
		"a vector without a charge": {func(w *world, d *device) error {
			return w.oracle.sends(d, &protocol.Input{SID: [32]byte{9}})
		}, "not charged"},
		"both kinds of share": {func(w *world, d *device) error {
			if err := w.oracle.oneKind([]protocol.PeerShare{{Index: 77}}, "self"); err != nil {
				return err
			}
			return w.oracle.oneKind([]protocol.PeerShare{{Index: 77}}, "pair")
		}, "both kinds"},
		"a second roster":       {func(w *world, _ *device) error { return w.oracle.logs(&audit.Roster{}) }, "second roster"},
		"a second survivor set": {func(w *world, _ *device) error { return w.oracle.logs(&audit.Survivors{}) }, "second set"},
		"asked too early": {func(w *world, d *device) error {
			clear(w.oracle.survivors)
			return w.oracle.answers(round.Send{To: d.id, Msg: &protocol.Survivors{}})
		}, "before the survivors"},
		"asked about another set": {func(w *world, d *device) error {
			if err := w.oracle.answers(round.Send{To: d.id, Msg: &protocol.Survivors{Bitmap: []byte{1}}}); err != nil {
				return err
			}
			return w.oracle.answers(round.Send{To: d.id, Msg: &protocol.Survivors{Bitmap: []byte{3}}})
		}, "other bytes"},
		"a receipt after the seal": {func(w *world, _ *device) error {
			return w.oracle.answers(round.Send{To: [32]byte{1}, Msg: &protocol.Receipt{Index: 4}})
		}, "after the seal"},
		"another receipt": {func(w *world, d *device) error {
			if err := w.oracle.answers(round.Send{To: d.id, Msg: &protocol.Receipt{}}); err != nil {
				return err
			}
			return w.oracle.answers(round.Send{To: d.id, Msg: &protocol.Receipt{YHash: [32]byte{1}}})
		}, "other bytes"},
		"charged twice": {func(w *world, d *device) error {
			return w.oracle.stepped(d, participant.Event{}, participant.Output{Entry: new(privacy.Entry)})
		}, "charged twice"},
		"noise drawn twice": {func(w *world, d *device) error {
			d.random.reads = [][]byte{make([]byte, 32)}
			return w.oracle.stepped(d, participant.Event{Msg: &protocol.Roster{}}, participant.Output{})
		}, "noise twice"},
		"no single 1": {func(w *world, d *device) error {
			x := append([]uint32(nil), w.oracle.noise[d.id]...)
			x[d.place()] += 2
			return w.oracle.contributed(d, x)
		}, "want 1"},
	} {
		w, r, _ := finished(t)
		d := w.devices[0]
		for _, m := range r.Members {
			if m.Leaf >= 0 {
				d = w.byID[m.ID]
			}
		}
		if err := c.say(w, d); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestUnitBecomesOne holds for every length that a federation may have, whatever the coin says but its very last values.
func TestUnitBecomesOne(t *testing.T) {
	for d := 1; d < 300; d++ {
		w := &world{cfg: Config{D: d, Devices: 20}}
		cInt, _ := w.terms()
		g := aggregation.Grid{C: 1, CInt: cInt, XMax: cInt, D: d, WordBits: 32}
		one, err := unit(g)
		if err != nil {
			t.Fatal(err)
		}
		if v := g.Scale() * float64(one); v < 1 || v > 1+1e-6 {
			t.Errorf("d = %d: the unit is %v", d, v)
		}
	}
}
