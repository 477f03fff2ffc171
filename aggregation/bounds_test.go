package aggregation

import (
	"testing"

	"pgregory.net/rapid"
)

// TestRingsAgreeWithLeastRing looks for the least ring a second time, through the bounds that others see.
func TestRingsAgreeWithLeastRing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := GraphParams{N: rapid.IntRange(MinDevices, 140).Draw(t, "n"), GammaBP: rapid.IntRange(0, 3000).Draw(t, "γ"),
			DeltaBP: rapid.IntRange(0, 3000).Draw(t, "δ"), Lambda: rapid.IntRange(1, 80).Draw(t, "λ"), Eta: rapid.IntRange(1, 30).Draw(t, "η"),
			Mode: Mode(rapid.IntRange(1, 3).Draw(t, "mode"))}
		rings, err := Rings(p)
		if err != nil {
			t.Fatal(err)
		}
		var want Degree
		for r := range rings {
			th := map[Mode]int{ModeW: r.K/2 + r.Corrupt + 1, ModeSM: (r.Corrupt+r.K)/2 + 1, ModeSH: max(r.Corrupt+1, 2)}[p.Mode]
			if th <= r.Surviving && (p.Mode == ModeW || r.Connected) {
				want = Degree{K: r.K, T: th}
				break
			}
		}
		got, at, err := LeastRing(p)
		if got != want || (err == nil) != (want.K > 0) || at.K != got.K {
			t.Fatalf("%+v: %+v at %+v (%v), the bounds give %+v", p, got, at, err, want)
		}
	})
}

func TestRingsRefuse(t *testing.T) {
	for _, p := range []GraphParams{{}, {N: 2, Lambda: 40, Eta: 20, Mode: ModeW}, {N: 100, GammaBP: 5000, DeltaBP: 5000, Lambda: 40, Eta: 20, Mode: ModeSH}} {
		if _, err := Rings(p); err == nil {
			t.Errorf("%+v: bounds are given", p)
		}
		if _, _, err := LeastRing(p); err == nil {
			t.Errorf("%+v: a ring is given", p)
		}
	}
}
