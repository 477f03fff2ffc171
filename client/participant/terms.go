package participant

import (
	"math"
	"slices"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// checkFloor compares the round with the device's own policy. Nothing S sends can weaken it.
func (m *Machine) checkFloor(o *audit.RoundOpen) error {
	f := m.cfg.Floor
	switch {
	case !slices.Contains(f.WordBits, o.WordBits):
		return refuse(F03BelowFloor, "words of %d bits: policy %q allows %v", o.WordBits, f.Name, f.WordBits)
	case o.Cohorts < 1 || o.Cohorts > f.maxCohorts():
		return refuse(F03BelowFloor, "%d cohorts: policy %q allows up to %d", o.Cohorts, f.Name, f.maxCohorts())
	case o.NMin < f.NMin:
		return refuse(F03BelowFloor, "n_min is %d, policy %q wants at least %d", o.NMin, f.Name, f.NMin)
	case o.GammaBP < f.GammaBP:
		return refuse(F03BelowFloor, "γ is %d basis points, policy %q wants at least %d", o.GammaBP, f.Name, f.GammaBP)
	case o.DeltaBP > f.DeltaBP:
		return refuse(F03BelowFloor, "δ is %d basis points, policy %q allows at most %d", o.DeltaBP, f.Name, f.DeltaBP)
	case o.Lambda < f.Lambda || o.Eta < 10:
		return refuse(F03BelowFloor, "λ %d, η %d: policy %q wants at least %d and 10", o.Lambda, o.Eta, f.Name, f.Lambda)
	case !(math.Float32frombits(o.C) > 0) || math.Float32frombits(o.C) > f.MaxC:
		return refuse(F03BelowFloor, "clip is %v, policy %q allows up to %v", math.Float32frombits(o.C), f.Name, f.MaxC)
	case !f.noisy(o):
		return refuse(F03BelowFloor, "σ_tot² %d at C_int %d is less noise than z = %d/%d of policy %q", o.SigmaTotSq, o.CInt, f.ZNum, f.ZDen, f.Name)
	}
	if err := checkBit(o, int(min(o.NMin, aggregation.MaxDevices))); err != nil {
		return err
	}
	if err := grid(o).Validate(int(min(o.NMin, aggregation.MaxDevices)), o.SigmaTotSq); err != nil {
		return refuse(F03BelowFloor, "%v", err) // with n_min already, so before any work; with n once the roster is known
	}
	return nil
}

// checkWitnesses holds mode and seed against the floor and the pinned policy. A seed of cosignatures can be drawn again by a
// dishonest witness, so that it wants 80 bits whatever the floor says (5.6).
func (m *Machine) checkWitnesses(o *audit.RoundOpen) error {
	f, mode := m.cfg.Floor, aggregation.Mode(o.Mode)
	seed, known := seedOf(mode)
	switch {
	case !f.allowsMode(mode):
		return refuse(F03BelowFloor, "policy %q does not allow mode %v, which rests on the coordinator's honesty; it waits for a coordinator that allows one of %v",
			f.Name, mode, f.Modes)
	case o.SeedKind == seedBeacon:
		return refuse(F03BelowFloor, "the graph's seed is to come from beacons, and this device knows none")
	case !known || o.SeedKind != seed || !slices.Contains(f.SeedKinds, o.SeedKind):
		return refuse(F03BelowFloor, "seed kind %d does not belong to mode %v, or policy %q, which allows %v, does not take it", o.SeedKind, mode, f.Name, f.SeedKinds)
	case o.SeedKind == seedCosigned && o.Lambda < leastCosigned:
		return refuse(F03BelowFloor, "λ is %d with a seed of cosignatures, at least %d is wanted", o.Lambda, leastCosigned)
	case mode == aggregation.ModeW && m.cfg.Witnesses.IsZero():
		return refuse(F03BelowFloor, "mode W wants witnesses, and none are pinned on this device: pin the log's witness policy with `cinesyncd init --witnesses FILE`")
	case !m.cfg.Witnesses.IsZero() && o.WitnessPolicy != m.cfg.Witnesses.ID():
		return refuse(F03BelowFloor, "the round's witness policy is %x, this device has pinned %x", o.WitnessPolicy[:8], idOf(m.cfg.Witnesses))
	}
	return nil
}

func idOf(p audit.WitnessPolicy) []byte {
	id := p.ID()
	return id[:8]
}

// checkSuites holds the round's suites against the floor, and against the keys that this device has.
func (m *Machine) checkSuites(o *audit.RoundOpen) error {
	s := m.cfg.Floor.Suites
	for _, c := range []struct {
		name    string
		have    uint16
		allowed []uint16
	}{{"key agreement", o.Kex, s.Kex}, {"mask generator", o.PRG, s.PRG}, {"signature", o.Sig, s.Sig}} {
		if !slices.Contains(c.allowed, c.have) {
			return refuse(F03BelowFloor, "%s suite %d: policy %q allows %v", c.name, c.have, m.cfg.Floor.Name, c.allowed)
		}
	}
	if o.Sig == protocol.SigHybrid && (m.cfg.AuthorityPQ == nil || m.cfg.CoordinatorPQ == nil || len(m.cfg.CertPQ) == 0) {
		return refuse(F03BelowFloor, "signature suite %d wants ML-DSA keys of authority and coordinator, and a hybrid certificate of this device; "+
			"it has not all of them", o.Sig)
	}
	return nil
}

// checkStricter holds the round against its logged question: stricter is fine, weaker is not (8.4).
func checkStricter(o *audit.RoundOpen, q *audit.Question) error {
	switch {
	case q.Kind != audit.AsksSum && q.Kind != audit.AsksSumBit:
		return refuse(F17NoConsent, "the question asks for an answer of kind %d; this device knows 1, a sum of vectors, and 2, the same with a clip bit", q.Kind)
	case o.SigmaBitSq != 0 && q.Kind != audit.AsksSumBit:
		return refuse(F17NoConsent, "the round has a clip bit, and question %q does not ask for one", q.ID)
	case o.D != q.D || o.LayoutHash != q.LayoutHash:
		return refuse(F05UnknownCode, "layout or length differ from the question's")
	case o.CodeHash != q.CodeHash:
		return refuse(F05UnknownCode, "code_hash differs from the question's")
	case !(math.Float32frombits(o.C) <= math.Float32frombits(q.C)) || o.CInt > q.CInt:
		return refuse(F03BelowFloor, "clip %v (C_int %d) is above the question's %v (%d)", math.Float32frombits(o.C), o.CInt, math.Float32frombits(q.C), q.CInt)
	case o.SigmaTotSq < q.SigmaTotSq:
		return refuse(F03BelowFloor, "σ_tot² %d is below the question's %d", o.SigmaTotSq, q.SigmaTotSq)
	case o.NMin < q.NMin || o.P > q.P || o.B < q.B:
		return refuse(F03BelowFloor, "n_min %d, P %d, b %d are weaker than the question's %d, %d, %d", o.NMin, o.P, o.B, q.NMin, q.P, q.B)
	}
	return nil
}

// checkLogged holds the round against the logged policy: a device keeps the stricter of that and its own (privacy 8.4).
func (m *Machine) checkLogged(o *audit.RoundOpen, p *audit.PolicyChange) error {
	if o.NMin < p.NMin || o.GammaBP < p.GammaBP || o.DeltaBP > p.DeltaBP {
		return refuse(F03BelowFloor, "n_min %d, γ %d, δ %d are weaker than the logged policy's %d, %d, %d", o.NMin, o.GammaBP, o.DeltaBP, p.NMin, p.GammaBP, p.DeltaBP)
	}
	// Short periods would begin the population's ledger again and again, and no published figure would bound anything.
	if least := max(m.cfg.Floor.Period, audit.MinPeriodSeconds); p.PeriodSeconds < least {
		return refuse(F03BelowFloor, "ledger periods of %d seconds: policy %q wants at least %d", p.PeriodSeconds, m.cfg.Floor.Name, least)
	}
	return nil
}

// grid is the quantiser the round names.
func grid(o *audit.RoundOpen) aggregation.Grid {
	return aggregation.Grid{C: math.Float32frombits(o.C), CInt: o.CInt, XMax: o.XMax, D: int(o.D), WordBits: o.WordBits}
}
