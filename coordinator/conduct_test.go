package coordinator_test

import (
	"encoding/hex"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/protocol"
)

// TestSpoilerSitsOut: a device that spoils one round, with a bad box and silence, is left out of the next, hears why, and takes part in
// the one after that. A crash between the rounds forgets none of it, and one in the spoilt round blames the same device.
func TestSpoilerSitsOut(t *testing.T) {
	for name, crash := range map[string]func(w *world){
		"no crash":                 func(*world) {},
		"crash between the rounds": func(w *world) { w.over(1); w.crash(); w.mustStart() },
		"crash in the round":       func(w *world) { w.phase(1, "inputs"); w.crash(); w.mustStart() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, terms{devices: 5, rounds: 3}, func(w *world) {
				spoiler := w.devices[2]
				var good atomic.Bool
				spoiler.hook = func(_ *tapped, m protocol.Message) []protocol.Message {
					switch {
					case good.Load():
					case m.Type() == protocol.TypeShares:
						return signed(func(_ *device, m *protocol.Shares) { m.Sealed[0][1] ^= 1 })(spoiler, m)
					case m.Type() == protocol.TypeInput:
						return nil
					}
					return instead(m)
				}
				heard := spoiler.farewells()
				w.mustStart()
				w.join(w.devices...)
				crash(w)
				w.over(1)
				good.Store(true)
				if held := w.disk.now().conduct[spoiler.id.Cert.Serial]; held != (round.Conduct{Level: 1, Last: 1, Until: 2}) || len(w.disk.now().conduct) != 1 {
					t.Errorf("%+v is held against it, of %d", held, len(w.disk.now().conduct))
				}
				if e := w.over(2); e.Outcome != "done" || e.U1 != 4 || e.U3 != 4 {
					t.Errorf("%+v, want the other four", e)
				}
				if e := w.over(3); e.Outcome != "done" || e.U1 != 5 {
					t.Errorf("%+v, want all five", e)
				}
				w.until(func() bool {
					return slices.ContainsFunc(*heard, func(h *protocol.HangUpError) bool {
						return h.Code == protocol.CodeBusy && strings.Contains(h.Detail, "still sits out: 1, up to round 2") && h.RetryAfter >= 1
					})
				}, "the device to hear why")
				if name != "crash between the rounds" { // the event may be lost with that process
					blamed := w.over(1).Blamed
					if want := (coordinator.Blamed{Device: hex.EncodeToString(spoiler.id.Cert.IDPK[:]), Fault: round.BadBoxes.String(), Until: 2}); !slices.Equal(blamed, []coordinator.Blamed{want}) {
						t.Errorf("the operator hears of %+v", blamed)
					}
				}
			})
		})
	}
}

// TestRestIsNoLongerThanWhatItSitsOut: whether rounds are opened every second or every minute, a device that sits out many is back for
// the first that it may take part in, or the one after that, and did not ask again and again until then.
func TestRestIsNoLongerThanWhatItSitsOut(t *testing.T) {
	for name, interval := range map[string]time.Duration{"seconds": time.Second, "minutes": time.Minute} {
		t.Run(name, func(t *testing.T) {
			const out, rounds = 40, 44
			bubble(t, terms{devices: 5, rounds: rounds, task: func(t *coordinator.Task) {
				t.Deadlines[0], t.Interval, t.Expiry = 2, interval, 1000*time.Hour // rounds wait for a fifth device so long
			}}, func(w *world) {
				d := w.devices[0]
				w.disk.rows.conduct[d.id.Cert.Serial] = round.Conduct{Level: 7, Last: 0, Until: out}
				heard := d.farewells()
				w.mustStart()
				w.join(w.devices...)
				w.over(rounds)
				asked := 0
				w.until(func() bool {
					asked = 0
					for _, h := range *heard {
						if h.Code == protocol.CodeBusy {
							asked++
						}
					}
					return true
				}, "what the device heard")
				if asked < 2 || asked > 60 {
					t.Errorf("it was sent away %d times", asked)
				}
				first := 0
				for r := uint64(rounds); r > 0; r-- {
					if slices.Contains(w.over(r).Members, hex.EncodeToString(d.id.Cert.IDPK[:])) {
						first = int(r)
					}
				}
				t.Logf("sent away %d times, first took part in round %d", asked, first)
				if first <= out || first > out+2 {
					t.Errorf("it took part first in round %d, and sat out up to %d", first, out)
				}
			})
		})
	}
}

// TestConductHoldsWhoeverIsOffered: keys under a certificate that sits out are refused though the connection's own does not.
func TestConductHoldsWhoeverIsOffered(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		d := w.devices[0]
		other := d.id.Cert
		other.Serial[0] ^= 1
		w.disk.rows.conduct[other.Serial] = round.Conduct{Level: 7, Last: 1, Until: 3}
		w.mustStart()
		r := d.raw()
		r.say(&protocol.Hello{})
		offer := r.hear(protocol.TypeOffer).(*protocol.Offer)
		r.say(&protocol.Advertise{OpenHash: audit.LeafHash(offer.Evidence.Entries[3].Entry), Key: protocol.KeyBundle{Cert: other}})
		if h := r.end(); h.Code != protocol.CodeBusy || !strings.Contains(h.Detail, "still sits out: 3, up to round 3") {
			t.Errorf("heard %v", h)
		}
	})
}
