package coordinator_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/coordinator"
)

// files is what the folder of models must hold of these versions: all of it for those that were trained, the start alone.
func (p pair) files() []string {
	model, serve := fmt.Sprintf("%x", p.model), fmt.Sprintf("%x", p.serve)
	if p.model == p.serve {
		return []string{model + ".snapshot"}
	}
	return []string{model + ".optimizer", model + ".snapshot", serve + ".release", serve + ".snapshot"}
}

func (w *world) models() []string {
	w.disk.mu.Lock()
	defer w.disk.mu.Unlock()
	return slices.Sorted(maps.Keys(w.disk.models))
}

func TestModelsThatNobodyNeedsAreRemoved(t *testing.T) {
	trained(t, terms{rounds: 5}, func(w *world, made []pair) {
		want := append(append([]string{"serving"}, made[4].files()...), made[5].files()...)
		slices.Sort(want)
		if got := w.models(); !slices.Equal(got, want) {
			t.Errorf("the folder holds %s,\nwant %s", strings.Join(got, " "), strings.Join(want, " "))
		}
	})
}

// TestStartRemovesWhatACrashLeft puts files beside those of the newest versions. Only those that the coordinator itself could
// have left may go.
func TestStartRemovesWhatACrashLeft(t *testing.T) {
	ran(t, func(w *world) {
		stray := strings.Repeat("ab", 32)
		left := []string{stray + ".snapshot", stray + ".optimizer", stray + ".release"}
		foreign := []string{"README", stray, stray + ".backup", "abab.snapshot", ".writing-" + stray + ".snapshot", strings.ToUpper(stray) + ".snapshot"}
		before := w.models()
		for _, name := range append(left, foreign...) {
			w.disk.models[name] = []byte(name)
		}
		w.mustStart()
		w.halt()
		want := append(foreign, before...)
		slices.Sort(want)
		if got := w.models(); !slices.Equal(got, want) {
			t.Errorf("the folder holds %s,\nwant %s", strings.Join(got, " "), strings.Join(want, " "))
		}
	})
}

// TestServedModelIsKeptWhateverTheStoreSays is a folder whose promoted model is not the coordinator's newest.
func TestServedModelIsKeptWhateverTheStoreSays(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		served := strings.Repeat("cd", 32)
		w.disk.models["serving"], w.disk.models[served+".snapshot"], w.disk.models[served+".release"] = []byte(served+"\n"), []byte("x"), []byte("y")
		w.mustStart()
		w.halt()
		if got := w.models(); !slices.Contains(got, served+".snapshot") || !slices.Contains(got, served+".release") {
			t.Errorf("the folder holds %s, and not the model that is served", got)
		}
	})
}

// TestOpenRoundKeepsWhatItNeeds starts again in the middle of a round.
func TestOpenRoundKeepsWhatItNeeds(t *testing.T) {
	for _, phase := range phases {
		t.Run(phase, func(t *testing.T) {
			bubble(t, terms{rounds: 4}, func(w *world) {
				w.onTold = func(p *process, e coordinator.Event) {
					if e.Round == 3 && e.Phase == phase {
						p.disk.kill()
					}
				}
				w.mustStart()
				w.join(w.devices...)
				w.died()
				w.onTold = nil
				w.mustStart()
				for r := uint64(3); r <= 4; r++ {
					if e := w.over(r); e.Outcome != "done" || e.U3 != 4 {
						t.Errorf("%+v, want the round done", e)
					}
				}
			})
		})
	}
}

// TestFolderThatCannotBeTidiedStopsNoRound lets nothing but the tidying fail: rounds go on.
func TestFolderThatCannotBeTidiedStopsNoRound(t *testing.T) {
	for _, broken := range []string{"list models", "remove models"} {
		t.Run(broken, func(t *testing.T) {
			bubble(t, terms{rounds: 3}, func(w *world) {
				if err := w.start(func(op string) fate {
					if op == broken {
						return fails
					}
					return works
				}); err != nil {
					t.Fatal(err)
				}
				w.join(w.devices...)
				w.await("done", 0)
				if n := len(w.models()); n < 10 {
					t.Errorf("%d files are left, want all", n)
				}
			})
		})
	}
}
