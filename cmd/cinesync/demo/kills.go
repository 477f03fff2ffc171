package demo

import (
	"maps"
	"slices"

	"github.com/cinesync/cinesync/coordinator"
)

// kills plans the kills of the coordinator: once in every phase, on the phase that it reports, and at most once a round.
// What the next start says of the round, and how the round then ends, is what counts: a kill that came too late for its
// phase is tried again.
type kills struct {
	todo    map[string]bool
	crashes []Crash
	pending bool   // killed, and the next start has not yet said what became of the round
	round   uint64 // the last one that was killed
}

func newKills() *kills {
	k := &kills{todo: map[string]bool{}}
	for _, p := range phases() {
		k.todo[p] = true
	}
	return k
}

// wants reports whether to kill on this event.
func (k *kills) wants(e coordinator.Event) bool {
	if e.Kind == "phase" && k.todo[e.Phase] && e.Round != k.round {
		k.pending, k.round = true, e.Round
		return true
	}
	return false
}

// note takes down what became of a round that a kill interrupted: where the next start found it, and how it ended.
func (k *kills) note(e coordinator.Event) {
	switch {
	case e.Kind == "recovered" && k.pending:
		k.pending = false
		delete(k.todo, e.Phase)
		k.crashes = append(k.crashes, Crash{Round: e.Round, Phase: e.Phase, Outcome: e.Outcome, Reason: reason(e)})
	case e.Kind == "round" && e.Outcome == "aborted":
		for i := range k.crashes {
			if c := &k.crashes[i]; c.Round == e.Round && c.Outcome == "resumed" {
				c.Outcome, c.Reason = "aborted", reason(e)
			}
		}
	}
}

// missed lists phases in which no kill landed.
func (k *kills) missed() []string { return slices.Sorted(maps.Keys(k.todo)) }
