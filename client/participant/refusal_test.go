package participant

import (
	"cmp"
	"slices"
	"testing"

	diff "github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/protocol"
)

// lie is one way in which a coordinator, or what lies on the device, is not as it should be.
type lie struct {
	why   Refusal
	name  string
	at    string // the stage at which the device must notice
	n     int    // roster size, 8 if not said
	hooks hooks
	kind  kind             // if said, of the round
	mode  aggregation.Mode // SH if not said
	sig   uint16           // Ed25519 if not said
	seen  int              // witnesses, of whom one less are enough; pinned, if any
	// given prepares the device; play, if set, stands for playing a whole round.
	given func(h *honest, d *device)
	play  func(h *honest, d *device)
}

func lies() []lie {
	return slices.Concat(liesAboutTheLog(), liesAboutTheTerms(), liesOfTheQuestion(), liesOfTheDevice(), liesAboutTheRoster(), liesOfTheDelivery(), liesAboutSurvivors(), liesAtTheEnd(),
		liesAboutWitnesses(), liesAmongConfirmations(), liesInBothSuites(),
		liesAboutTheSeed(), liesWithXWing(), liesAboutCohorts(), liesInPackedWords())
}

// TestEveryRefusalHasATest walks the list, so that a new refusal without a test fails.
func TestEveryRefusalHasATest(t *testing.T) {
	for _, r := range Refusals() {
		if !slices.ContainsFunc(lies(), func(l lie) bool { return l.why == r }) {
			t.Errorf("%v: no test names it", r)
		}
	}
	if last := Refusals()[len(Refusals())-1]; (last + 1).String() != "unknown refusal" {
		t.Errorf("%v follows the last refusal of the list", last+1)
	}
}

// TestDeviceRefuses shows for each lie that the device notices at that stage, for that reason, and that from there on nothing
// is sent, charged or answered, secrets are gone, and the same offer is not looked at again.
func TestDeviceRefuses(t *testing.T) {
	for _, l := range lies() {
		t.Run(l.why.String()+"/"+l.name, func(t *testing.T) {
			h := newHonest(t, max(l.n, 8))
			if l.kind != (kind{}) {
				h = l.kind.round(t, max(l.n, 8))
			}
			h.hooks, h.mode, h.sig = l.hooks, cmp.Or(l.mode, h.mode), cmp.Or(l.sig, h.sig)
			if l.seen > 0 {
				h.witness(l.seen, l.seen-1)
			}
			d := newDevice(t, h)
			if l.given != nil {
				l.given(h, d)
			}
			sent, charged := len(d.sent), len(d.entries)
			at := l.at
			if l.play != nil {
				l.play(h, d)
			} else {
				at = d.play(h, "close")
			}
			if d.refused == nil || d.refused.Why != l.why || at != l.at {
				t.Fatalf("at %q: refused %v, want %v at %q", at, d.refused, l.why, l.at)
			}
			if l.play == nil {
				if off := diff.Diff(sentBefore(l.at), d.types()[sent:]); off != "" {
					t.Errorf("what left before the refusal (-want +got):\n%s", off)
				}
				if want := slices.Index(stages, l.at) > slices.Index(stages, "delivery"); want != (len(d.entries) == charged+1) {
					t.Errorf("%d charges", len(d.entries)-charged)
				}
			}
			silent(t, h, d)
		})
	}
}

// silent wants a device that refused to say nothing more to this round, now or after a restart.
func silent(t *testing.T, h *honest, d *device) {
	t.Helper()
	sent, charged, closed := len(d.sent), len(d.entries), d.closed
	for range 2 {
		d.step(h, Event{Msg: &protocol.InputState{SID: h.sid}})
		d.step(h, Event{Model: &ModelReady{Hash: testModel()}})
		d.step(h, Event{Trained: &Trained{OpenHash: h.openHash, LayoutHash: testLayout, Update: Floats(testUpdate(h.d))}})
		d.step(h, Event{Msg: &protocol.Delivery{SID: h.sid}})
		d.step(h, Event{Msg: &protocol.Survivors{SID: h.sid}})
		d.step(h, Event{Msg: &protocol.Close{OpenHash: h.openHash}})
		d.boot()
	}
	if len(d.sent) != sent || len(d.entries) != charged || d.closed != closed {
		t.Errorf("after the refusal %v was sent, %d charged", d.types()[sent:], len(d.entries)-charged)
	}
}
