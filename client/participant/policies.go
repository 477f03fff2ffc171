package participant

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/privacy"
)

// Shipped is the name of the policy that a device has until its owner names another.
const Shipped = "balanced"

// ShownDelta is the δ at which a policy's ε is shown (privacy 8.5).
const ShownDelta = 1e-6

// Policies are those that an owner picks from, strictest first (privacy 8.5).
func Policies() []Floor { return []Floor{Strict(), Balanced(), Open()} }

// PolicyNames are the names of Policies, for people.
func PolicyNames() string {
	var names []string
	for _, f := range Policies() {
		names = append(names, f.Name)
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// Strict asks for large crowds and much noise, and answers seldom.
func Strict() Floor {
	f := Balanced()
	f.Name, f.NMin, f.ZNum, f.P, f.B, f.Ceiling = "strict", 512, 4, 10, 2, privacy.UnitsPerRho*15/100
	return f
}

// Balanced is the shipped policy. It asks for a witnessed round (mode W), so a coordinator whose log no pinned witness signs is
// refused.
func Balanced() Floor {
	return Floor{Name: Shipped, NMin: 64, GammaBP: 500, DeltaBP: 3000, Lambda: 80, ZNum: 2, ZDen: 1, MaxC: 10, P: 30, B: 1,
		Ceiling: privacy.UnitsPerRho, Period: month, Modes: []aggregation.Mode{aggregation.ModeW}, SeedKinds: []uint16{seedCosigned}, Suites: EverySuite(),
		WordBits: []uint16{32, 24, 16}, MaxCohorts: 1, Code: codeNames(), Purposes: purposes()}
}

// Open takes part in louder and more frequent rounds than the shipped policy.
func Open() Floor {
	f := Balanced()
	f.Name, f.ZNum, f.P, f.Ceiling = "open", 1, 60, 2*privacy.UnitsPerRho
	return f
}

// Epsilon is the most that the policy lets all questions together cost in a period, at ShownDelta.
func (f Floor) Epsilon() (float64, error) {
	eps, _, err := privacy.Epsilon(f.Ceiling.Rho(), ShownDelta)
	if err != nil {
		return 0, fmt.Errorf("what policy %q allows: %w", f.Name, err)
	}
	return eps, nil
}

// Meaning says in two sentences what the policy allows.
func (f Floor) Meaning() (string, error) {
	eps, err := f.Epsilon()
	if err != nil {
		return "", err
	}
	said := fmt.Sprintf("In %s, all questions together, what leaves this device tells your history from an empty one by no more than ε = %.1f allows "+
		"(at δ = %.0e; the smaller, the less can be told). It answers only in sums over at least %d devices%s, each question at most %d times%s.",
		days(f.Period), eps, ShownDelta, f.NMin, cut(f.maxCohorts()), f.P, apart(f.B))
	if f.LoopOnly {
		said += " The demo's noise protects nobody; it shows the machinery."
	}
	return said, nil
}

func days(seconds uint64) string {
	if seconds%(24*3600) != 0 {
		return fmt.Sprintf("%d hours", seconds/3600)
	}
	return fmt.Sprintf("%d days", seconds/(24*3600))
}

func cut(cohorts uint32) string {
	if cohorts == 1 {
		return ""
	}
	return fmt.Sprintf(", which may be cut into up to %d groups", cohorts)
}

func apart(b uint32) string {
	if b <= 1 {
		return ", in any round"
	}
	return fmt.Sprintf(", and rests %d rounds after each", b-1)
}

// Weaker names the numbers in which f allows what old refuses.
func (f Floor) Weaker(old Floor) []string {
	var out []string
	for _, n := range []struct {
		name   string
		weaker bool
	}{
		{"members", f.NMin < old.NMin}, {"noise", f.quieter(old)}, {"ceiling", f.Ceiling > old.Ceiling}, {"participations", f.P > old.P},
		{"spacing", f.B < old.B}, {"period", f.Period < old.Period}, {"cohorts", f.maxCohorts() > old.maxCohorts()},
		{"γ", f.GammaBP < old.GammaBP}, {"δ", f.DeltaBP > old.DeltaBP}, {"λ", f.Lambda < old.Lambda}, {"clip", f.MaxC > old.MaxC},
		{"kex", adds(f.Suites.Kex, old.Suites.Kex)}, {"prg", adds(f.Suites.PRG, old.Suites.PRG)}, {"sig", adds(f.Suites.Sig, old.Suites.Sig)},
		{"word_bits", adds(f.WordBits, old.WordBits)}, {"modes", adds(f.Modes, old.Modes)}, {"seed kinds", adds(f.SeedKinds, old.SeedKinds)},
		{"questions", adds(f.Purposes, old.Purposes)}, {"code", adds(f.Code, old.Code)},
	} {
		if n.weaker {
			out = append(out, n.name)
		}
	}
	return out
}

// quieter compares z, both parts of which are below 2^32.
func (f Floor) quieter(old Floor) bool {
	ah, al := bits.Mul64(f.ZNum, old.ZDen)
	bh, bl := bits.Mul64(old.ZNum, f.ZDen)
	return ah < bh || ah == bh && al < bl
}

// adds reports that a choice is in have and not in old.
func adds[T comparable](have, old []T) bool {
	known := map[T]bool{}
	for _, v := range old {
		known[v] = true
	}
	for _, v := range have {
		if !known[v] {
			return true
		}
	}
	return false
}
