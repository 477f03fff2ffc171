package coordinator_test

import (
	"slices"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/protocol"
)

// TestReleaseIsToldAgainOnceThePublicLogHoldsIt: with witnesses a version is out before they signed its entry, so that whoever reads the
// log then does not find it; a restart between the two makes it good.
func TestReleaseIsToldAgainOnceThePublicLogHoldsIt(t *testing.T) {
	for name, c := range map[string]struct {
		mode    aggregation.Mode
		away    bool // the witnesses, when the round ends
		restart bool
		want    []bool // whether each word said that the log holds it
	}{
		"without witnesses":             {aggregation.ModeSM, false, false, []bool{true}},
		"with witnesses":                {aggregation.ModeW, false, false, []bool{false, true}},
		"witnesses that come back":      {aggregation.ModeW, true, false, []bool{false, true}},
		"a restart before they signed":  {aggregation.ModeW, true, true, []bool{false, false, true}},
		"a restart without any witness": {aggregation.ModeSM, false, true, []bool{true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, terms{rounds: 1, mode: c.mode}, func(w *world) {
				var told []bool
				w.cfg.OnPublish = func(r coordinator.Release) {
					w.mu.Lock()
					defer w.mu.Unlock()
					told = append(told, r.Logged)
					w.stir()
					if r.Version != 1 || r.Index == 0 {
						t.Errorf("told of %+v", r)
					}
				}
				if c.away {
					for _, d := range w.devices {
						d.hook = func(_ *tapped, m protocol.Message) []protocol.Message {
							if m.Type() == protocol.TypeReveal {
								w.signers.set(func(x *witnesses) { x.down = errDown })
							}
							return instead(m)
						}
					}
				}
				w.mustStart()
				w.join(w.devices...)
				if e := w.over(1); e.Outcome != "done" {
					t.Fatalf("%+v", e)
				}
				if c.restart {
					w.halt()
					w.mustStart()
				}
				if c.away {
					w.signers.set(func(x *witnesses) { x.down = nil })
				}
				w.until(func() bool { return slices.Equal(told, c.want) }, "that the release is told as often as the log says")
			})
		})
	}
}
