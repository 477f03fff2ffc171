package coordinator_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

// quota gives the device a certificate for so many rounds.
func (d *device) quota(n uint16) {
	d.id.Cert.Quota = n
	d.id.Cert = protocol.IssueCert(prototest.Authority(), d.id.Cert)
}

// TestUsedUpCertificateSitsOut: a device whose certificate allows one round hears how that ended, then that it is sent away and why;
// the others go on without it, after a crash too.
func TestUsedUpCertificateSitsOut(t *testing.T) {
	for _, crash := range []bool{false, true} {
		bubble(t, terms{devices: 5, rounds: 2}, func(w *world) {
			one := w.devices[0]
			one.quota(1)
			heard := one.farewells()
			w.mustStart()
			w.join(w.devices...)
			if crash {
				w.over(1)
				w.crash()
				w.mustStart()
			}
			if e := w.over(2); e.Outcome != "done" || e.U1 != 4 || e.U3 != 4 {
				t.Errorf("%+v, want the other four", e)
			}
			one.counted(1)
			w.until(func() bool {
				return slices.ContainsFunc(*heard, func(h *protocol.HangUpError) bool {
					return h.Code == protocol.CodeUnauthorised && strings.Contains(h.Detail, "used in 1 rounds and allows 1") && h.RetryAfter > 0
				})
			}, "the device to hear why")
		})
	}
}

// TestQuotaHoldsWhoeverIsOffered: a device that was not offered the round and advertises all the same is refused; one that uses a
// second certificate for its key is counted by that one.
func TestQuotaHoldsWhoeverIsOffered(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		d := w.devices[0]
		w.mustStart()
		r := d.raw()
		r.say(&protocol.Hello{})
		offer := r.hear(protocol.TypeOffer).(*protocol.Offer)
		d.quota(0)
		msg := &protocol.Advertise{OpenHash: audit.LeafHash(offer.Evidence.Entries[3].Entry), Key: protocol.KeyBundle{Cert: d.id.Cert}}
		r.say(msg)
		if h := r.end(); h.Code != protocol.CodeUnauthorised || !strings.Contains(h.Detail, "allows 0") {
			t.Errorf("heard %v", h)
		}
		r = d.raw()
		r.say(&protocol.Hello{})
		r.hear(protocol.TypeWelcome)
		if h := r.end(); h.Code != protocol.CodeUnauthorised {
			t.Errorf("heard %v", h)
		}
	})
}
