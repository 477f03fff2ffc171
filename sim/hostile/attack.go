package hostile

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/client/participant"
)

// Attack is one row of the specification's table (section 13): what is tried, the rule that stops it, and the tries.
type Attack struct {
	ID    string // A01 and on, in the order of the table
	What  string
	Rule  string
	Modes []aggregation.Mode // under which it is tried; all that are built, if none is named
	Cases []Case
	Fails bool // the documented case that no rule stops
}

// Case is one way to try an attack.
type Case struct {
	Name  string
	Play  func(x *Try)
	Modes []aggregation.Mode // under which it is tried; all that are built, if none is named
}

// Try is one case under one mode.
type Try struct {
	testing.TB
	Mode     aggregation.Mode
	Refusals map[participant.Refusal]int // seen where they were wanted
}

// Scene is n honest devices.
func (x *Try) Scene(n int) Scene { return scene(n, x.Mode) }

// Refuses wants devices to have refused for this reason, and nothing they say after that.
func (x *Try) Refuses(why participant.Refusal, devices ...*Device) {
	x.Helper()
	for _, d := range devices {
		if d.Refused == nil || d.Refused.Why != why {
			x.Errorf("%s: refused %v, want %v", d.Name, d.Refused, why)
			continue
		}
		x.Refusals[why]++
	}
}

// Accepts wants devices to have refused nothing.
func (x *Try) Accepts(devices ...*Device) {
	x.Helper()
	for _, d := range devices {
		if d.Refused != nil {
			x.Errorf("%s: %v", d.Name, d.Refused)
		}
	}
}

// Unmasks wants S to be able to unmask the sums of exactly these sets of members, from all that was said.
func (x *Try) Unmasks(v *View, permitted ...[]int) {
	x.Helper()
	if err := Unmask(v).Check(permitted...); err != nil {
		x.Error(err)
	}
}

// Modes that the machine knows today.
func builtModes() []aggregation.Mode {
	return []aggregation.Mode{aggregation.ModeSH, aggregation.ModeSM, aggregation.ModeW}
}

// Seen writes refusals in a row of the report.
func seen(r map[participant.Refusal]int) string {
	if len(r) == 0 {
		return "none"
	}
	out := ""
	for _, why := range slices.Sorted(maps.Keys(r)) {
		if out != "" {
			out += " "
		}
		out += why.String()[:3]
	}
	return out
}

// Line is a row of the report.
func (a Attack) Line(r map[participant.Refusal]int, run int, ok bool) string {
	verdict := map[bool]string{true: "ok", false: "FAILED"}[ok]
	if a.Fails && ok {
		verdict = "ok (documented: no rule stops it)"
	}
	return fmt.Sprintf("%s  %-58s  %-52s  %-24s  %3d  %s", a.ID, a.What, a.Rule, seen(r), run, verdict)
}
