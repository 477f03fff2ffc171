package hostile

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/client/participant"

	"github.com/cinesync/cinesync/aggregation"
)

// TestHonestRoundUnmasksOneSum: without an attack S learns the sum of the survivors and nothing else, with losses or without.
// It is also what every attack is measured against.
func TestHonestRoundUnmasksOneSum(t *testing.T) {
	for _, mode := range builtModes() {
		for name, c := range map[string]struct{ devices, invented, lost int }{"complete": {10, 0, 0}, "losses": {10, 0, 2}, "with puppets": {9, 1, 1}, "ring": {70, 3, 4}} {
			t.Run(mode.String()+"/"+name, func(t *testing.T) {
				sc := scene(c.devices, mode)
				sc.Invented = c.invented
				s := NewCoordinator(t, sc)
				in := but(upTo(c.lost)...)
				v, set := s.answered(in)
				v.Closes(set)
				for i, d := range s.Devices {
					if d.Refused != nil || (d.Closed == nil) == (i >= c.lost) {
						t.Errorf("%s: refused %v, closed %v", d.Name, d.Refused, d.Closed)
					}
				}
				if c.devices >= 70 && v.Degree.K == len(v.Members)-1 {
					t.Error("no ring")
				}
				var want []int
				for _, i := range v.where(in) {
					if v.Members[i].Device != nil {
						want = append(want, i)
					}
				}
				if err := Unmask(v).Check(want); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestUnmaskerMissesNothingPlanted plants what attacks aim at, so that an unmasker or a check that finds nothing fails here.
func TestUnmaskerMissesNothingPlanted(t *testing.T) {
	s := NewCoordinator(t, scene(6, aggregation.ModeSH))
	v, _ := s.answered(everyone)
	u := Unmask(v)
	delete(u.b, 3)
	if got := u.Parts(); len(got) != 0 {
		t.Errorf("without one b S unmasks %v", got)
	}
	if u.Check(upTo(6)) == nil {
		t.Error("the check passes a set that is not free")
	}
	if Unmask(v).Check() == nil || Unmask(v).Check([]int{1, 2}) == nil {
		t.Error("the check passes more than is permitted")
	}
	u = Unmask(v)
	for i := range 6 {
		delete(u.with[2], i) // as if 2 had masked with nobody
		delete(u.with[i], 2)
	}
	if got := u.Parts(); len(got) != 2 {
		t.Errorf("a device without pair masks: %v", got)
	}
	if u.Check(u.Parts()...) == nil {
		t.Error("a part passes for free though pair masks are left in it")
	}
}

// TestModeSHTrustsItsCoordinator is why no shipped policy takes that mode: with a forked log and nobody to compare, S tells one
// device that it survived and the others that it did not, and unmasks its vector alone. It also shows that the unmasker finds
// such a thing when it is there.
func TestModeSHTrustsItsCoordinator(t *testing.T) {
	s := NewCoordinator(t, scene(10, aggregation.ModeSH))
	v := splitSurvivors(s)
	for _, d := range s.Devices {
		if d.Refused != nil {
			t.Errorf("%s: %v", d.Name, d.Refused)
		}
	}
	if err := Unmask(v).Check([]int{0}, upTo(10)[1:]); err != nil {
		t.Error(err)
	}
	for _, f := range participant.Policies() {
		if slices.Contains(f.Modes, aggregation.ModeSH) {
			t.Errorf("policy %q allows mode SH", f.Name)
		}
	}
}

var table = flag.Bool("table", false, "print a line per attack")

// TestAttacks plays every attack under every mode that is built, and prints the table that make hostile shows.
func TestAttacks(t *testing.T) {
	all := Attacks()
	lines := make([]string, len(all))
	t.Run("all", func(t *testing.T) {
		for i, a := range all {
			t.Run(a.ID, func(t *testing.T) {
				t.Parallel()
				lines[i] = play(t, a)
			})
		}
	})
	if *table {
		fmt.Println(strings.Join(lines, "\n"))
	}
}

// play tries all cases of one attack and gives its line.
func play(t *testing.T, a Attack) string {
	refusals, run, ok := map[participant.Refusal]int{}, 0, true
	for _, mode := range builtModes() {
		for _, c := range a.Cases {
			if c.Modes != nil && !slices.Contains(c.Modes, mode) {
				continue
			}
			ok = t.Run(mode.String()+"/"+c.Name, func(t *testing.T) {
				c.Play(&Try{TB: t, Mode: mode, Refusals: refusals})
			}) && ok
			run++
		}
	}
	if run == 0 {
		t.Error("nothing was tried")
	}
	return a.Line(refusals, run, ok)
}

// TestTableIsTheSpecifications wants a row here for each of the specification's table, and none beside.
func TestTableIsTheSpecifications(t *testing.T) {
	text, err := os.ReadFile("../../docs/spec/secure-aggregation.md")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, m := range regexp.MustCompile(`(?m)^\| (A\d\d) \|`).FindAllStringSubmatch(string(text), -1) {
		want = append(want, m[1])
	}
	for _, a := range Attacks() {
		got = append(got, a.ID)
	}
	if len(want) < 16 || !slices.Equal(got, want) {
		t.Errorf("attacks %v, the specification has %v", got, want)
	}
}

// TestEveryFieldIsMutated wants a mutation for each field of what S logs before anything is masked.
func TestEveryFieldIsMutated(t *testing.T) {
	check := func(record reflect.Type, mutated []string) {
		for i := range record.NumField() {
			if name := record.Field(i).Name; !slices.Contains(mutated, name) {
				t.Errorf("%s.%s is not mutated", record.Name(), name)
			}
		}
	}
	var opens, rosters []string
	for _, m := range openMutations() {
		opens = append(opens, m.field)
	}
	for _, m := range rosterMutations() {
		rosters = append(rosters, m.field)
	}
	check(reflect.TypeFor[audit.RoundOpen](), opens)
	check(reflect.TypeFor[audit.Roster](), rosters)
}
