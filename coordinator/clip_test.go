package coordinator_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/privacy"
)

var followed = privacy.ClipRule{Quantile: 0.5, Rate: 0.2, Least: 0.05, Most: 2}

// adapting are terms of rounds with a clip bit, under the demo's z = 1/2 for vector and bit together.
func adapting(rounds int, change func(*coordinator.Task)) terms {
	return terms{devices: 8, rounds: rounds, task: func(t *coordinator.Task) {
		t.NMin, t.DeltaBP, t.AdaptClip = 6, 2500, followed
		t.SigmaTotSq *= 4 // z = 1 of the vector, and 10/6 of the bit's: 1 + 2.78 is within 4
		t.Ceiling *= 10
		if change != nil {
			change(t)
		}
	}}
}

// opens are the logged RoundOpens.
func (w *world) opens() []*audit.RoundOpen {
	w.Helper()
	var out []*audit.RoundOpen
	for _, entry := range w.disk.now().entries {
		rec, err := audit.OpenEntry(w.coord.Cert.IDPK[:], entry)
		if err != nil {
			w.Fatal(err)
		}
		if o, ok := rec.(*audit.RoundOpen); ok {
			out = append(out, o)
		}
	}
	return out
}

// follows holds the clip of each round against the bits that the devices gave in the one before, noise and all.
func (w *world) follows(opens []*audit.RoundOpen) {
	w.Helper()
	for i, o := range opens {
		want := w.cfg.Task.C
		if i > 0 {
			var sum int32
			for _, v := range w.given[opens[i-1].Round] {
				if len(v) != int(o.D)+1 {
					w.Fatalf("round %d: a vector of %d words, want %d and the bit", i, len(v), o.D)
				}
				sum += int32(v[o.D])
			}
			want = followed.Next(math.Float32frombits(opens[i-1].C), int64(sum), len(w.given[opens[i-1].Round]), o.BitSize())
		}
		if got := math.Float32frombits(o.C); got != want {
			w.Errorf("round %d has clip %v, the bits give %v", o.Round, got, want)
		}
		if units, err := privacy.ChargeWithBit(o.CInt, o.SigmaTotSq, o.BitSize(), o.SigmaBitSq); err != nil || uint64(units) != o.RhoUnits || o.SigmaBitSq == 0 {
			w.Errorf("round %d costs %d units at σ_bit² = %d, the log says %d (%v)", o.Round, units, o.SigmaBitSq, o.RhoUnits, err)
		}
	}
}

// TestTheClipFollowsTheBits: every update is well within the first clip, so the clip falls, by what the noisy bits say and never by more than
// the rule allows.
func TestTheClipFollowsTheBits(t *testing.T) {
	for name, change := range map[string]func(*coordinator.Task){"one cohort": nil, "16 bits": func(t *coordinator.Task) { t.WordBits = 16; t.XMax = 40 }} {
		t.Run(name, func(t *testing.T) {
			bubble(t, adapting(4, change), func(w *world) {
				w.mustStart()
				w.join(w.devices...)
				for r := uint64(1); r <= 4; r++ {
					if e := w.over(r); e.Outcome != "done" || e.U3 != 8 || e.Clip == 0 {
						t.Fatalf("round %d: %+v", r, e)
					}
				}
				w.await("done", 0)
				opens := w.opens()
				w.follows(opens)
				if last := math.Float32frombits(opens[3].C); last > 0.9 || last < float32(math.Exp(-0.3))-1e-4 {
					t.Errorf("after three rounds of updates far within it the clip is %v", last)
				}
			})
		})
	}
}

// TestTheClipOutlivesACrash: whenever the coordinator dies, the next round has the clip that belongs to the model it trains.
func TestTheClipOutlivesACrash(t *testing.T) {
	for _, phase := range phases {
		t.Run(phase, func(t *testing.T) {
			bubble(t, adapting(3, nil), func(w *world) {
				w.killAt(phase)
				w.mustStart()
				w.join(w.devices...)
				if err := w.died(); !errors.Is(err, errDead) {
					t.Fatalf("the coordinator ended with %v", err)
				}
				w.mustStart()
				w.over(3)
				w.await("done", 0)
				w.follows(w.opens())
			})
		})
	}
}

// TestALostClipBeginsAgain: what a round costs does not depend on it. A damaged one is an error that names the file.
func TestALostClipBeginsAgain(t *testing.T) {
	for name, damage := range map[string]func(map[string][]byte, string){
		"lost":    func(files map[string][]byte, name string) { delete(files, name) },
		"damaged": func(files map[string][]byte, name string) { files[name] = []byte("NaN\n") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, adapting(2, nil), func(w *world) {
				w.cfg.Task.Rounds = 1
				w.mustStart()
				w.join(w.devices...)
				w.over(1)
				w.await("done", 0)
				w.halt()
				found := ""
				for file := range w.disk.models {
					if strings.HasSuffix(file, ".clip") {
						found = file
					}
				}
				if found == "" {
					t.Fatal("no clip lies beside the model")
				}
				damage(w.disk.models, found)
				w.cfg.Task.Rounds = 2
				w.mustStart()
				if name == "damaged" {
					if err := w.died(); err == nil || !strings.Contains(err.Error(), found) || !strings.Contains(err.Error(), "remove it to begin again") {
						t.Errorf("%v", err)
					}
					return
				}
				w.over(2)
				if opens := w.opens(); math.Float32frombits(opens[1].C) != 1 {
					t.Errorf("the second round has clip %v, want the task's 1", math.Float32frombits(opens[1].C))
				}
			})
		})
	}
}

// TestNoRoomForTheBitPassesTheAudit: a ceiling that holds the vector's charge and not the bit's ends the question before its first round. The
// auditor, who cannot know what the bit would have cost, calls that no lie.
func TestNoRoomForTheBitPassesTheAudit(t *testing.T) {
	o := adapting(0, func(t *coordinator.Task) {
		units, err := privacy.Charge(t.CInt, t.SigmaTotSq)
		if err != nil {
			panic(err)
		}
		t.Ceiling, t.Expiry = units+1, 400*day
	})
	bubble(t, o, func(w *world) {
		w.mustStart()
		w.join(w.devices...)
		w.await("done", 0)
		if opens := w.opens(); len(opens) > 0 {
			t.Errorf("%d rounds were opened", len(opens))
		}
		for _, check := range w.audit().Checks {
			if check.ID == "A6" && check.Status == audit.StatusFail {
				t.Errorf("A6: %s", check.Detail)
			}
		}
	})
}

// TestBadClipRulesAreRefused before anything is logged.
func TestBadClipRulesAreRefused(t *testing.T) {
	for words, change := range map[string]func(*coordinator.Task){
		"quantile is 2": func(t *coordinator.Task) { t.AdaptClip.Quantile = 2 },
		"clip is 3":     func(t *coordinator.Task) { t.C = 3 },
		"clip bit": func(t *coordinator.Task) {
			t.NMin, t.NTarget, t.DeltaBP, t.CInt, t.SigmaTotSq = 3, 200, 1000, 500, 1<<18
		}, // too little noise for each of 200
		"clip bit: check grid": func(t *coordinator.Task) {
			t.WordBits, t.NMin, t.NTarget, t.XMax = 16, 520, 520, 40
			t.CInt, t.SigmaTotSq = 40, 1<<14
		},
	} {
		t.Run(words, func(t *testing.T) {
			bubble(t, adapting(1, change), func(w *world) {
				if err := w.start(nil); err == nil || !strings.Contains(err.Error(), words) {
					t.Errorf("%v", err)
				}
			})
		})
	}
}
