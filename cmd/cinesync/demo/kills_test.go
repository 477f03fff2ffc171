package demo

import (
	"reflect"
	"slices"
	"testing"

	"github.com/cinesync/cinesync/coordinator"
)

func phase(round uint64, name string) coordinator.Event {
	return coordinator.Event{Kind: "phase", Round: round, Phase: name}
}

func recovered(round uint64, name, outcome string) coordinator.Event {
	return coordinator.Event{Kind: "recovered", Round: round, Phase: name, Outcome: outcome}
}

func TestKillComesOnceInEveryPhaseAndOnceARound(t *testing.T) {
	k := newKills()
	var killed []string
	for round := uint64(1); round <= 8; round++ {
		before := len(killed)
		for _, p := range phases() {
			if k.wants(phase(round, p)) {
				killed = append(killed, p)
				k.note(recovered(round, p, "resumed"))
			}
		}
		if n := len(killed) - before; n > 1 {
			t.Errorf("round %d is killed %d times", round, n)
		}
	}
	if !slices.Equal(killed, phases()) || len(k.missed()) != 0 || len(k.crashes) != len(phases()) {
		t.Errorf("killed in %v, missed %v, %d crashes", killed, k.missed(), len(k.crashes))
	}
}

func TestKillThatCameLateIsTriedAgain(t *testing.T) {
	k := newKills()
	if !k.wants(phase(1, "keys")) {
		t.Fatal("no kill")
	}
	k.note(recovered(1, "shares", "resumed")) // where the next start found the round
	if want := []string{"inputs", "keys", "recruit", "settle", "unmask"}; !slices.Equal(k.missed(), want) {
		t.Errorf("missed %v, want %v", k.missed(), want)
	}
	if k.wants(phase(2, "shares")) || !k.wants(phase(2, "keys")) {
		t.Error("it kills in a phase that is done, or not in one that is not")
	}
}

func TestCrashIsWhatBecameOfItsRound(t *testing.T) {
	aborted := coordinator.Event{Kind: "round", Round: 1, Outcome: "aborted", Reason: "too few inputs", Detail: "2 of 3"}
	done := coordinator.Event{Kind: "round", Round: 1, Outcome: "done"}
	lost := recovered(1, "keys", "aborted")
	lost.Reason = "lost inputs"
	for name, c := range map[string]struct {
		events []coordinator.Event
		want   []Crash
	}{
		"resumed and done":        {[]coordinator.Event{recovered(1, "keys", "resumed"), done}, []Crash{{1, "keys", "resumed", ""}}},
		"resumed, then aborted":   {[]coordinator.Event{recovered(1, "keys", "resumed"), aborted}, []Crash{{1, "keys", "aborted", "too few inputs: 2 of 3"}}},
		"aborted at once":         {[]coordinator.Event{lost, aborted}, []Crash{{1, "keys", "aborted", "lost inputs"}}},
		"another round's abort":   {[]coordinator.Event{recovered(2, "keys", "resumed"), aborted}, []Crash{{2, "keys", "resumed", ""}}},
		"told a second time":      {[]coordinator.Event{recovered(1, "keys", "resumed"), recovered(1, "keys", "resumed")}, []Crash{{1, "keys", "resumed", ""}}},
		"an abort without a kill": {[]coordinator.Event{aborted}, nil},
	} {
		k := newKills()
		k.wants(phase(1, "keys"))
		for _, e := range c.events {
			k.note(e)
		}
		if !reflect.DeepEqual(k.crashes, c.want) {
			t.Errorf("%s: %+v, want %+v", name, k.crashes, c.want)
		}
	}
	k := newKills()
	k.note(recovered(1, "keys", "resumed"))
	if k.crashes != nil {
		t.Errorf("a start that no kill came before: %+v", k.crashes)
	}
}
