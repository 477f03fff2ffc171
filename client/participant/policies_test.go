package participant

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/privacy"
)

// TestPoliciesAreThoseOfTheSpecification is the table of privacy 8.5: roster, z, ρ (ε at 10^-6), P, b.
func TestPoliciesAreThoseOfTheSpecification(t *testing.T) {
	for i, want := range []struct {
		name     string
		members  uint32
		z        uint64
		rho, eps float64
		p, b     uint32
	}{{"strict", 512, 4, 0.15, 2.7, 10, 2}, {"balanced", 64, 2, 1, 7.8, 30, 1}, {"open", 64, 1, 2, 11.7, 60, 1}} {
		f := Policies()[i]
		eps, err := f.Epsilon()
		if err != nil || math.Abs(eps-want.eps) > 0.05 {
			t.Errorf("%s: ε is %v, %v", want.name, eps, err)
		}
		units, err := privacy.ToUnits(want.rho)
		if f.Name != want.name || f.NMin != want.members || f.ZNum != want.z || f.ZDen != 1 || f.Ceiling != units || err != nil || f.P != want.p || f.B != want.b || f.Period != month {
			t.Errorf("%+v, want %+v", f, want)
		}
		if f.GammaBP != 500 || f.DeltaBP != 3000 || f.Lambda != 80 || f.LoopOnly || f.MaxCohorts != 1 {
			t.Errorf("%s: %+v", f.Name, f)
		}
		said, err := f.Meaning()
		if err != nil || !strings.Contains(said, fmt.Sprintf("ε = %.1f allows", want.eps)) || !strings.Contains(said, fmt.Sprintf("at least %d devices", want.members)) ||
			!strings.Contains(said, fmt.Sprintf("at most %d times", want.p)) || !strings.HasPrefix(said, "In 30 days") {
			t.Errorf("%s means %q, %v", f.Name, said, err)
		}
	}
	if said, err := Demo(3).Meaning(); err != nil || !strings.Contains(said, "protects nobody") {
		t.Errorf("the demo means %q, %v", said, err)
	}
	if Shipped != Balanced().Name || PolicyNames() != "strict, balanced or open" {
		t.Errorf("%s, %s", Shipped, PolicyNames())
	}
}

func TestWeakerNamesWhatIsWeaker(t *testing.T) {
	for _, c := range []struct {
		now, old Floor
		want     string
	}{{Open(), Balanced(), "[noise ceiling participations]"}, {Balanced(), Strict(), "[members noise ceiling participations spacing]"}, {Strict(), Open(), "[]"}, {Balanced(), Balanced(), "[]"}} {
		if got := fmt.Sprint(c.now.Weaker(c.old)); got != c.want {
			t.Errorf("%s after %s: %s, want %s", c.now.Name, c.old.Name, got, c.want)
		}
	}
}

// TestWeakerLooksAtEveryNumber makes each field of a floor weaker than it was.
func TestWeakerLooksAtEveryNumber(t *testing.T) {
	weaker := map[string]func(*Floor){
		"NMin": func(f *Floor) { f.NMin-- }, "GammaBP": func(f *Floor) { f.GammaBP-- }, "DeltaBP": func(f *Floor) { f.DeltaBP++ }, "Lambda": func(f *Floor) { f.Lambda-- },
		"ZNum": func(f *Floor) { f.ZNum-- }, "ZDen": func(f *Floor) { f.ZDen++ }, "MaxC": func(f *Floor) { f.MaxC++ }, "P": func(f *Floor) { f.P++ }, "B": func(f *Floor) { f.B-- },
		"Ceiling": func(f *Floor) { f.Ceiling++ }, "Period": func(f *Floor) { f.Period-- }, "Modes": func(f *Floor) { f.Modes = append(f.Modes, 2) },
		"SeedKinds": func(f *Floor) { f.SeedKinds = append(f.SeedKinds, 3) }, "Suites": func(f *Floor) { f.Suites.Kex = append(f.Suites.Kex, 9) },
		"WordBits": func(f *Floor) { f.WordBits = append(f.WordBits, 8) }, "MaxCohorts": func(f *Floor) { f.MaxCohorts = 2 },
		"Code": func(f *Floor) { f.Code = append(f.Code, "spy") }, "Purposes": func(f *Floor) { f.Purposes = append(f.Purposes, "spy") },
	}
	for field := range reflect.TypeFor[Floor]().Fields() {
		if field.Name == "Name" || field.Name == "LoopOnly" { // what it is called; and a condition beside the numbers
			continue
		}
		change := weaker[field.Name]
		if change == nil {
			t.Errorf("nothing makes %s weaker", field.Name)
			continue
		}
		f := Strict()
		if change(&f); len(f.Weaker(Strict())) != 1 {
			t.Errorf("%s: weaker in %v", field.Name, f.Weaker(Strict()))
		}
		if back := Strict(); len(back.Weaker(f)) != 0 {
			t.Errorf("%s: the stricter one is weaker in %v", field.Name, back.Weaker(f))
		}
	}
}

// TestNoiseOfPoliciesIsComparedExactly, whatever the fractions.
func TestNoiseOfPoliciesIsComparedExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := func(name string) uint64 { return rapid.Uint64Range(1, math.MaxUint32).Draw(t, name) }
		a, b := Floor{ZNum: u("a"), ZDen: u("b")}, Floor{ZNum: u("c"), ZDen: u("d")}
		if a.quieter(b) && b.quieter(a) || a.quieter(a) {
			t.Fatalf("%d/%d and %d/%d are each below the other", a.ZNum, a.ZDen, b.ZNum, b.ZDen)
		}
		if x, y := float64(a.ZNum)/float64(a.ZDen), float64(b.ZNum)/float64(b.ZDen); x < y*(1-1e-12) && !a.quieter(b) || x > y*(1+1e-12) && a.quieter(b) {
			t.Fatalf("%v below %v: %v", x, y, a.quieter(b))
		}
	})
}
