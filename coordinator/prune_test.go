package coordinator_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
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

// TestStartRemovesOldModelsOfItsOwnLogOnly brings back what was removed, as a crash before the removal leaves it, beside files
// that this store's log knows nothing of: they may be all that is left of another one's work.
func TestStartRemovesOldModelsOfItsOwnLogOnly(t *testing.T) {
	trained(t, terms{rounds: 3}, func(w *world, made []pair) {
		w.halt()
		stray := strings.Repeat("ab", 32)
		want := append(w.models(), "README", stray, stray+".backup", "abab.snapshot", stray+".snapshot", stray+".optimizer", stray+".release",
			strings.ToUpper(fmt.Sprintf("%x", made[1].model))+".snapshot")
		for _, name := range slices.Concat(want, made[0].files(), made[1].files()) {
			if _, ok := w.disk.models[name]; !ok {
				w.disk.models[name] = []byte(name)
			}
		}
		w.mustStart()
		w.halt()
		slices.Sort(want)
		if got := w.models(); !slices.Equal(got, want) {
			t.Errorf("the folder holds %s,\nwant %s", strings.Join(got, " "), strings.Join(want, " "))
		}
	})
}

// TestNewStoreLeavesTheModelsOfAnother takes the store away, and the log too: nothing but the folder of models says then that
// something was trained. The store must find it whole when it comes back.
func TestNewStoreLeavesTheModelsOfAnother(t *testing.T) {
	for name, forget := range map[string]func(models map[string][]byte){
		"all": func(map[string][]byte) {},
		"serving alone": func(m map[string][]byte) {
			maps.DeleteFunc(m, func(n string, _ []byte) bool { return strings.HasSuffix(n, ".optimizer") })
		},
		"optimizers alone": func(m map[string][]byte) { delete(m, "serving") },
	} {
		t.Run(name, func(t *testing.T) {
			ran(t, func(w *world) {
				whole, rows, log := maps.Clone(w.disk.models), w.disk.rows, maps.Clone(w.disk.log)
				forget(w.disk.models)
				before := w.models()
				w.disk.rows = newRows()
				clear(w.disk.log)
				w.refused("models of another store", "put that store back", "new folder")
				if got := w.models(); !slices.Equal(got, before) {
					t.Errorf("the folder holds %s,\nwant %s", strings.Join(got, " "), strings.Join(before, " "))
				}
				maps.Copy(w.disk.models, whole)
				maps.Copy(w.disk.log, log)
				w.disk.rows = rows
				w.mustStart()
			})
		})
	}
}

// TestOldStoreLeavesNewerModels starts a copy of the store from before the last round, with the log moved away: the newest
// store must find its models when it comes back.
func TestOldStoreLeavesNewerModels(t *testing.T) {
	bubble(t, terms{rounds: 3}, func(w *world) {
		var backup *rows
		w.onTold = func(p *process, e coordinator.Event) {
			if e.Kind == "round" && e.Round == 2 {
				backup = p.disk.now()
			}
		}
		w.mustStart()
		w.join(w.devices...)
		w.await("done", 0)
		for _, d := range w.devices {
			d.vanish()
		}
		w.halt()
		before, newest, log := w.models(), w.disk.rows, maps.Clone(w.disk.log)
		w.disk.rows = backup
		clear(w.disk.log)
		w.mustStart()
		w.halt()
		w.disk.rows = newest
		maps.Copy(w.disk.log, log)
		w.mustStart()
		if got := w.models(); !slices.Equal(got, before) {
			t.Errorf("the folder holds %s,\nwant %s", strings.Join(got, " "), strings.Join(before, " "))
		}
	})
}

// TestServedModelIsKeptWhateverTheStoreSays is a folder whose promoted model is not the coordinator's newest.
func TestServedModelIsKeptWhateverTheStoreSays(t *testing.T) {
	trained(t, terms{rounds: 3}, func(w *world, made []pair) {
		w.halt()
		served := fmt.Sprintf("%x", made[1].serve)
		w.disk.models[served+".snapshot"], w.disk.models[served+".release"] = []byte("x"), []byte("y")
		promote := w.disk.models
		w.onTold = func(p *process, e coordinator.Event) {
			if e.Kind == "published" { // told before anything is removed
				p.disk.mu.Lock()
				defer p.disk.mu.Unlock()
				promote["serving"] = []byte(served + "\n")
			}
		}
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
				w.showKeys()
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
				var begun atomic.Bool
				if err := w.start(func(op string) fate {
					if op == broken && begun.Load() {
						return fails
					}
					return works
				}); err != nil {
					t.Fatal(err)
				}
				begun.Store(true)
				w.join(w.devices...)
				w.await("done", 0)
				if n := len(w.models()); n < 10 {
					t.Errorf("%d files are left, want all", n)
				}
			})
		})
	}
}
