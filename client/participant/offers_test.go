package participant

import (
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
)

// terms are those of one offer, drawn around a policy's.
type terms struct {
	policy   audit.PolicyChange
	question audit.Question
	open     audit.RoundOpen
}

// drawOffer draws terms on both sides of the borders, most of them just where a policy allows them.
func drawOffer(t *rapid.T, f Floor) (o terms) {
	odd, at := []int{rapid.IntRange(0, 49).Draw(t, "odd term"), rapid.IntRange(0, 49).Draw(t, "another")}, 0 // there are some 25
	isOdd := func() bool { at++; return slices.Contains(odd, at) }
	near := func(name string, border uint64, lowest uint64) uint64 {
		switch {
		case !isOdd():
			return border
		case rapid.Bool().Draw(t, name+" is far"):
			return rapid.Uint64Range(lowest, math.MaxUint16).Draw(t, name)
		}
		return border + rapid.Uint64Range(0, 2).Draw(t, name) - 1
	}
	u32 := func(name string, border uint32) uint32 { return uint32(near(name, uint64(border), 0)) }
	u16 := func(name string, border uint16) uint16 { return uint16(near(name, uint64(border), 0)) }
	clip := func(name string) uint32 {
		if !isOdd() {
			return math.Float32bits(2)
		}
		return math.Float32bits(rapid.SampledFrom([]float32{1, f.MaxC, 10.1, 0, -1, float32(math.NaN())}).Draw(t, name))
	}
	pick := func(name string, usual uint64, others ...uint64) uint64 {
		if !isOdd() {
			return usual
		}
		return rapid.SampledFrom(others).Draw(t, name)
	}
	o.policy = audit.PolicyChange{CeilingUnits: pick("logged ceiling", 1<<60, uint64(f.Ceiling), 1<<36, 1<<30, 0),
		PeriodSeconds: near("period", f.Period, 0), P: u32("logged P", f.P), B: u32("logged b", f.B), NMin: u32("logged n_min", f.NMin), GammaBP: u16("logged γ", f.GammaBP),
		DeltaBP: u16("logged δ", f.DeltaBP)}
	o.open.CInt = u32("C_int", 80)
	border := (f.ZNum*f.ZNum*uint64(o.open.CInt)*uint64(o.open.CInt) + f.ZDen*f.ZDen - 1) / (f.ZDen * f.ZDen)
	o.open.SigmaTotSq = near("σ²", border, 0)
	o.question = audit.Question{C: clip("question's C"), CInt: u32("question's C_int", 80), SigmaTotSq: pick("question's σ²", border, 0, border+1),
		NMin: u32("question's n_min", f.NMin), P: u32("question's P", f.P), B: u32("question's b", f.B)}
	o.open.C, o.open.NMin, o.open.P, o.open.B = clip("C"), u32("n_min", f.NMin), u32("P", f.P), u32("b", f.B)
	o.open.GammaBP, o.open.DeltaBP, o.open.Lambda, o.open.Eta = u16("γ", f.GammaBP), u16("δ", f.DeltaBP), u16("λ", f.Lambda), u16("η", 10)
	o.open.Cohorts = uint32(pick("cohorts", 1, 0, 2))
	o.open.WordBits = uint16(pick("word bits", 32, 24, 16, 8))
	if units, err := privacy.Charge(o.open.CInt, o.open.SigmaTotSq); err == nil {
		o.open.RhoUnits = near("units", uint64(units), 0)
	}
	return o
}

// put are hooks that offer these terms.
func (o terms) put(h *honest) {
	h.hooks.policy = func(p *audit.PolicyChange) { *p = o.policy }
	h.hooks.question = func(q *audit.Question) {
		q.C, q.CInt, q.SigmaTotSq, q.NMin, q.P, q.B = o.question.C, o.question.CInt, o.question.SigmaTotSq, o.question.NMin, o.question.P, o.question.B
	}
	h.hooks.open = func(r *audit.RoundOpen) {
		d := o.open
		r.C, r.CInt, r.XMax, r.SigmaTotSq, r.RhoUnits, r.NMin, r.P, r.B = d.C, d.CInt, d.CInt, d.SigmaTotSq, d.RhoUnits, d.NMin, d.P, d.B
		r.GammaBP, r.DeltaBP, r.Lambda, r.Eta, r.Cohorts, r.WordBits = d.GammaBP, d.DeltaBP, d.Lambda, d.Eta, d.Cohorts, d.WordBits
	}
}

// weaker names the terms that are weaker than the device's policy, the logged policy or the question, by a judge of its own.
func (o terms) weaker(f Floor) (out []string) {
	p, q, r := o.policy, o.question, o.open
	z := new(big.Rat).SetFrac64(int64(f.ZNum), int64(f.ZDen))
	loud := new(big.Rat).Mul(new(big.Rat).Mul(z, z), new(big.Rat).SetInt64(int64(r.CInt)*int64(r.CInt)))
	exact := new(big.Rat).SetFrac(new(big.Int).Lsh(big.NewInt(int64(r.CInt)*int64(r.CInt)), 39), new(big.Int).SetUint64(max(1, r.SigmaTotSq)))
	for name, wrong := range map[string]bool{
		"n_min": r.NMin < f.NMin || r.NMin < p.NMin || r.NMin < q.NMin, "γ": r.GammaBP < f.GammaBP || r.GammaBP < p.GammaBP,
		"δ": r.DeltaBP > f.DeltaBP || r.DeltaBP > p.DeltaBP, "λ": r.Lambda < f.Lambda, "η": r.Eta < 10,
		"C":     !(math.Float32frombits(r.C) > 0 && math.Float32frombits(r.C) <= f.MaxC && math.Float32frombits(r.C) <= math.Float32frombits(q.C)),
		"C_int": r.CInt > q.CInt, "σ²": r.SigmaTotSq < q.SigmaTotSq || new(big.Rat).SetInt(new(big.Int).SetUint64(r.SigmaTotSq)).Cmp(loud) < 0,
		"P": r.P > f.P || r.P > q.P || min(r.P, p.P) == 0, "b": r.B < f.B || r.B < q.B, "cohorts": r.Cohorts != 1 && r.Cohorts > f.MaxCohorts || r.Cohorts == 0,
		"words": !slices.Contains(f.WordBits, r.WordBits), "period": p.PeriodSeconds < f.Period || p.PeriodSeconds < audit.MinPeriodSeconds,
		"ceiling": r.RhoUnits > uint64(f.Ceiling) || r.RhoUnits > p.CeilingUnits,
		"units":   r.SigmaTotSq == 0 || new(big.Rat).SetInt(new(big.Int).SetUint64(r.RhoUnits)).Cmp(exact) < 0,
	} {
		if wrong {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// TestAcceptedOffersAreAsStrictAsEveryPolicy draws offers: what a device accepts is in every term at least as strict as its own
// policy, the logged one and the question; what is weaker in one is refused, and nothing is charged.
func TestAcceptedOffersAreAsStrictAsEveryPolicy(t *testing.T) {
	accepted, refused := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		f := rapid.SampledFrom(Policies()).Draw(rt, "policy")
		o := drawOffer(rt, f)
		h := kind{aggregation.ModeW, 1, 1, 1, 32, 1, 1}.round(t, 64)
		o.put(h)
		d := newDevice(t, h)
		d.cfg.Floor = f
		d.boot()
		d.play(h, "offer")
		weak := o.weaker(f)
		switch {
		case d.refused == nil && len(weak) > 0:
			rt.Fatalf("%s accepts an offer that is weaker in %v: %+v", f.Name, weak, o)
		case d.refused == nil:
			accepted++
		default:
			refused++
			if d.refused.Why != F03BelowFloor && d.refused.Why != F10Budget {
				rt.Fatalf("refused for another reason: %v", d.refused)
			}
		}
		if len(d.entries) > 0 {
			rt.Fatalf("an offer alone was charged")
		}
	})
	t.Logf("%d accepted, %d refused", accepted, refused)
	if accepted == 0 || refused == 0 {
		t.Errorf("%d offers were accepted, %d refused: nothing was tried", accepted, refused)
	}
}
