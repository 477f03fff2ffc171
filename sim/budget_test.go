package sim

import (
	"strings"
	"testing"

	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/privacy"
)

// spend leaves a device's ledger with one unit less than a round costs.
func (d *device) spend(t *testing.T) {
	t.Helper()
	cInt, sigma := d.w.terms()
	units, err := privacy.Charge(cInt, sigma)
	if err != nil {
		t.Fatal(err)
	}
	e, err := d.ledger.Next(privacy.Debit{Question: [32]byte{1}, Units: d.cfg.Floor.Ceiling - units + 1})
	if err != nil {
		t.Fatal(err)
	}
	d.entries = append(d.entries, e)
	if err := d.boot(); err != nil {
		t.Fatal(err)
	}
}

// TestDevicesWithoutBudgetAreDoneWithout: a device whose remainder is smaller than the round's cost refuses (F10) before it trains or
// fetches anything. The round is summed exactly over the others, and aborts with its reason where too few are left. The device's
// ledger stays as it was.
func TestDevicesWithoutBudgetAreDoneWithout(t *testing.T) {
	const n, least = 8, 4
	for poor := range n + 1 {
		w, err := newWorld(Config{Seed: uint64(poor), Devices: n, Min: least, DeltaBP: 3000, Rounds: 2})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range w.devices[:poor] {
			d.spend(t)
		}
		w.watch = func(d *device, _ participant.Event, out participant.Output) {
			if d.i < poor && (out.Train != nil || out.Fetch != nil || out.Entry != nil) {
				t.Errorf("device %d has no budget, and goes on: %+v", d.i, out)
			}
		}
		out, err := w.run()
		if err != nil {
			t.Fatalf("%d of %d without budget: %v", poor, n, err)
		}
		for i, r := range out.Rounds {
			enough := n-poor >= least
			if r.Done != enough || r.Done && (!r.SumOK || r.U3 != n-poor) || !r.Done && r.Reason != "too few members" {
				t.Errorf("%d of %d without budget, round %d: %+v\n%s", poor, n, i+1, r, strings.Join(out.Trace, "\n"))
			}
			if len(r.Refusals) != poor {
				t.Errorf("%d of %d without budget, round %d: %d refused: %v", poor, n, i+1, len(r.Refusals), r.Refusals)
			}
			for _, why := range r.Refusals {
				if !strings.Contains(why, "F10") || !strings.Contains(why, "budget") {
					t.Errorf("a device refused with %q", why)
				}
			}
		}
		for _, d := range w.devices[:poor] {
			if len(d.entries) != 1 {
				t.Errorf("device %d was charged without taking part", d.i)
			}
		}
	}
}
