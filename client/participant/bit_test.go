package participant

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
)

// TestTheBitSaysWhetherTheClipCuts: one word behind the vector, B or 0, and nothing else is changed by it.
func TestTheBitSaysWhetherTheClipCuts(t *testing.T) {
	h, d := longRound(t)
	h.offer()
	for _, row := range []struct {
		factor float32
		want   int32
	}{{1e-4, 0}, {0, 0}, {1, 64}} {
		u := testUpdate(h.d)
		for i := range u {
			u[i] *= row.factor
		}
		open := h.open
		x, err := quantised(d.scratch, &open, Floats(slices.Clone(u)), testStream("coins"))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := Noised{fileQuantised, open.Words()}.Read(d.scratch)
		if err != nil || x.Size != 4*int64(h.d) {
			t.Fatal(err, x.Size)
		}
		open.SigmaBitSq = 1 << 12
		if x, err = quantised(d.scratch, &open, Floats(slices.Clone(u)), testStream("coins")); err != nil {
			t.Fatal(err)
		}
		got, err := Noised{fileQuantised, open.Words()}.Read(d.scratch)
		if err != nil || x.Size != 4*int64(h.d+1) || !slices.Equal(got[:h.d], plain) {
			t.Fatalf("the vector changed, or has %d bytes (%v)", x.Size, err)
		}
		if bit := int32(got[h.d]); bit != row.want {
			t.Errorf("update times %v: the bit is %d, want %d", row.factor, bit, row.want)
		}
	}
}

// TestTheBitHasItsOwnNoise: σ_bit² over h_min, from a stream of its own, and the vector's noise is what it is without a bit.
func TestTheBitHasItsOwnNoise(t *testing.T) {
	h, d := longRound(t)
	h.offer()
	open := h.open
	u := make([]float32, h.d)
	noise := func(seed string) []uint32 {
		x, err := quantised(d.scratch, &open, Floats(slices.Clone(u)), testStream("coins"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := noised(d.scratch, &open, 4, x, testStream(seed)); err != nil {
			t.Fatal(err)
		}
		out, err := Noised{fileNoised, open.Words()}.Read(d.scratch)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	without := noise("noise")
	open.SigmaBitSq = 4 * 1 << 20
	with := noise("noise")
	if !slices.Equal(with[:h.d], without) {
		t.Error("the vector's noise is another one beside a bit")
	}
	var sum, squares float64
	const draws = 60
	for i := range draws {
		v := float64(int32(noise(strings.Repeat("x", i+1))[h.d])) // without noise, of a zero update, 0
		sum, squares = sum+v, squares+v*v
	}
	// The variance is 2^20; that of its estimate from 60 draws has a standard deviation of 18 %.
	if got := squares / draws; got < 0.3*(1<<20) || got > 2*(1<<20) || math.Abs(sum/draws) > 5*1024/math.Sqrt(draws) {
		t.Errorf("the bit's noise has variance %v and mean %v, want 2^20 and 0", got, sum/draws)
	}
}

// TestTheFloorCountsTheBit: what the vector's noise leaves of z is what the bit may cost, exactly; and what the round says that it costs must be both.
func TestTheFloorCountsTheBit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := Floor{ZNum: rapid.Uint64Range(1, 20).Draw(t, "num"), ZDen: rapid.Uint64Range(1, 20).Draw(t, "den")}
		o := &audit.RoundOpen{CInt: rapid.Uint32Range(1, 1<<16).Draw(t, "C_int"), XMax: 64, SigmaTotSq: rapid.Uint64Range(1, 1<<40).Draw(t, "σ²"),
			SigmaBitSq: rapid.Uint64Range(1, 1<<30).Draw(t, "σ_bit²")}
		units, err := privacy.ChargeWithBit(o.CInt, o.SigmaTotSq, o.BitSize(), o.SigmaBitSq)
		if err != nil {
			t.Skip("too dear to be counted")
		}
		limit := float64(f.ZDen*f.ZDen) / float64(2*f.ZNum*f.ZNum)
		if got := units.Rho(); math.Abs(got/limit-1) > 1e-6 && f.noisy(o) != (got < limit) {
			t.Fatalf("ρ = %v, the policy allows %v a round, and noisy is %v", got, limit, f.noisy(o))
		}
	})
	for name, row := range map[string]struct {
		noise, off uint64
		kind       uint8
		why        Refusal
		words      string
	}{
		"a bit that is not charged":    {1 << 20, 1, audit.AsksSumBit, F03BelowFloor, "rho_units is"},
		"a bit that costs more than z": {64 * 64 / 4, 0, audit.AsksSumBit, F03BelowFloor, "less noise than z"},
		"a bit that nobody asked for":  {1 << 20, 0, audit.AsksSum, F17NoConsent, "does not ask for one"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHonest(t, 8)
			h.hooks.open = func(o *audit.RoundOpen) { o.SigmaBitSq = row.noise; o.RhoUnits = mustCharge(o) - row.off }
			h.hooks.question = func(q *audit.Question) { q.Kind = row.kind }
			d := newDevice(t, h)
			d.play(h, "close")
			if d.refused == nil || d.refused.Why != row.why || !strings.Contains(d.refused.Detail, row.words) || len(d.entries) > 0 {
				t.Errorf("refused %v, charged %d times", d.refused, len(d.entries))
			}
		})
	}
}

func mustCharge(o *audit.RoundOpen) uint64 {
	units, err := privacy.ChargeWithBit(o.CInt, o.SigmaTotSq, o.BitSize(), o.SigmaBitSq)
	if err != nil {
		panic(err)
	}
	return uint64(units)
}
