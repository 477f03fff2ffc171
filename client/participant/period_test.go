package participant

import (
	"strings"
	"testing"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
)

const day = 24 * time.Hour

// spender is a device whose own ceiling is what one round costs, after that round: spent.
func spender(t *testing.T) (*honest, *device) {
	t.Helper()
	h := newHonest(t, 8)
	h.hooks.question = func(q *audit.Question) { q.Expiry = uint64(h.now.Add(1000 * day).Unix()) }
	d := newDevice(t, h)
	d.cfg.Floor.Ceiling = 1 << 40
	d.boot()
	if d.play(h, "close"); d.refused != nil || len(d.entries) != 1 || d.ledger.Spent() != 1<<40 {
		t.Fatalf("refused %v, %d charges", d.refused, len(d.entries))
	}
	return h, d
}

// renew logs a PolicyChange, as a coordinator does that begins a period.
func (h *honest) renew(change func(*audit.PolicyChange)) {
	p := &audit.PolicyChange{CeilingUnits: 64 << 40, PeriodSeconds: month, P: 8, B: 1, NMin: 5, GammaBP: 500, DeltaBP: 6000}
	apply(change, p)
	h.policyAt = h.seal(p)
}

// spent wants the next offer to be refused for the budget, before a model is fetched, with nothing charged.
func (d *device) spent(h *honest, when string) {
	d.t.Helper()
	entries := len(d.entries)
	d.refused, d.fetch = nil, nil
	if at := d.play(h, "offer"); d.refused == nil || d.refused.Why != F10Budget || at != "offer" || d.fetch != nil || len(d.entries) != entries {
		d.t.Errorf("%s: at %s: refused %v, %d entries", when, at, d.refused, len(d.entries))
	}
}

// TestPeriodEndsByTime: after its length by every clock and with a new PolicyChange the budget begins again, by an entry, and not before.
func TestPeriodEndsByTime(t *testing.T) {
	h, d := spender(t)
	first := h.now
	d.spent(h, "at once")
	h.now = first.Add(30*day - time.Second)
	d.spent(h, "a second early")
	h.renew(nil)
	d.spent(h, "a second early, under a new policy")
	h.now = first.Add(30 * day)
	d.refused = nil
	d.play(h, "close")
	if d.refused != nil || len(d.entries) != 3 || d.entries[1].Kind != privacy.EntryPeriod || d.entries[1].At != uint64(h.now.Unix()) || d.entries[1].LogIndex != h.policyAt ||
		d.entries[2].Kind != privacy.EntryCharge || d.ledger.Spent() != 1<<40 {
		t.Fatalf("refused %v, entries %+v", d.refused, d.entries)
	}
	d.spent(h, "in the second period")
	second := h.now
	h.now = second.Add(29 * day)
	h.renew(nil)
	d.spent(h, "29 days into the second period")
	h.now = second.Add(31 * day)
	d.boot()
	d.refused = nil
	if d.play(h, "close"); d.refused != nil || len(d.entries) != 5 {
		t.Errorf("in the third period: %v, %d entries", d.refused, len(d.entries))
	}
}

// TestTimeAloneEndsNoPeriod: the log must show a period of its own, or the figures made from it would be wrong for this device.
func TestTimeAloneEndsNoPeriod(t *testing.T) {
	h, d := spender(t)
	h.now = h.now.Add(300 * day)
	d.spent(h, "under the same policy")
	h.renew(nil)
	d.refused = nil
	if d.play(h, "close"); d.refused != nil {
		t.Errorf("under a new one: %v", d.refused)
	}
}

// TestPolicyThatWasLoggedBeforeTheChargeEndsNoPeriod: a stock of PolicyChanges logged ahead would.
func TestPolicyThatWasLoggedBeforeTheChargeEndsNoPeriod(t *testing.T) {
	h := newHonest(t, 8)
	h.hooks.question = func(q *audit.Question) { q.Expiry = uint64(h.now.Add(1000 * day).Unix()) }
	d := newDevice(t, h)
	d.cfg.Floor.Ceiling = 1 << 40
	d.boot()
	d.play(h, "offer") // logs the terms
	first := h.policyAt
	h.renew(nil)
	ahead := h.policyAt
	h.policyAt = first
	d.play(h, "close")
	h.now, h.policyAt = h.now.Add(40*day), ahead
	d.spent(h, "under a policy from before the charge")
}

// TestLongerPeriodCounts, the device's own or the logged one.
func TestLongerPeriodCounts(t *testing.T) {
	for name, c := range map[string]struct {
		own    uint64
		logged uint64
	}{"the device's own": {60 * 24 * 3600, 0}, "the logged one": {month, 60 * 24 * 3600}} {
		h, d := spender(t)
		d.cfg.Floor.Period = c.own
		d.boot()
		first := h.now
		h.now = first.Add(60*day - time.Second)
		h.renew(func(p *audit.PolicyChange) { p.PeriodSeconds = max(c.own, c.logged) })
		d.spent(h, name)
		h.now = first.Add(60 * day)
		d.refused = nil
		if d.play(h, "close"); d.refused != nil {
			t.Errorf("%s, when it is over: %v", name, d.refused)
		}
	}
}

// TestNoClockAloneEndsAPeriod sets each clock forward: the device's, the coordinator's, and both while the witnesses say otherwise.
func TestNoClockAloneEndsAPeriod(t *testing.T) {
	for name, set := range map[string]func(h *honest, d *device){
		"the device's, by a day": func(h *honest, d *device) {
			h.hooks.open = func(o *audit.RoundOpen) { o.OpenedAt -= 24 * 3600 }
		},
		"the coordinator's, by a day": func(h *honest, d *device) {
			h.now = h.now.Add(-day)
			h.hooks.open = func(o *audit.RoundOpen) { o.OpenedAt += 24 * 3600 }
		},
	} {
		h, d := spender(t)
		h.now = h.now.Add(30*day + time.Hour)
		h.renew(nil)
		set(h, d)
		d.spent(h, name)
	}
	h, d := spender(t)
	d.machine.now = h.now.Add(300 * day)
	h.renew(nil)
	far := h.offer()
	d.refused = nil
	out := d.machine.Step(h.now.Add(300*day), Event{Msg: far})
	if out.Refused == nil || out.Refused.Why != F16Clock {
		t.Errorf("the device's, by much: %v", out.Refused)
	}
}

// TestWitnessesMustSeeTheTimePass: with the device's clock and opened_at past the end, and the witnesses' time before it, the period goes on.
func TestWitnessesMustSeeTheTimePass(t *testing.T) {
	h := newHonest(t, 8)
	h.witness(3, 2)
	h.hooks.question = func(q *audit.Question) { q.Expiry = uint64(h.now.Add(1000 * day).Unix()) }
	d := newDevice(t, h)
	d.cfg.Floor.Ceiling = 1 << 40
	d.boot()
	if d.play(h, "close"); d.refused != nil {
		t.Fatal(d.refused)
	}
	first := h.now
	h.now = first.Add(30*day + time.Hour)
	h.renew(nil)
	h.clocks = []time.Duration{-2 * time.Hour, -2 * time.Hour, -2 * time.Hour}
	d.spent(h, "an hour before the end by the witnesses' clocks")
	h.clocks = make([]time.Duration, 3)
	d.refused = nil
	if d.play(h, "close"); d.refused != nil {
		t.Errorf("after it: %v", d.refused)
	}
}

// TestPeriodBeginsWithItsFirstUse: a ledger that lay unused for a year does not give two budgets within a month.
func TestPeriodBeginsWithItsFirstUse(t *testing.T) {
	h := newHonest(t, 8)
	h.hooks.question = func(q *audit.Question) { q.Expiry = uint64(h.now.Add(1000 * day).Unix()) }
	d := newDevice(t, h)
	d.cfg.Floor.Ceiling = 1 << 40
	d.boot()
	d.play(h, "offer")
	h.now = h.now.Add(365 * day)
	if d.play(h, "close"); d.refused != nil {
		t.Fatal(d.refused)
	}
	h.renew(nil)
	d.spent(h, "on the day of its first charge")
	h.now = h.now.Add(30 * day)
	d.refused = nil
	if d.play(h, "close"); d.refused != nil || len(d.entries) != 3 {
		t.Errorf("30 days later: %v", d.refused)
	}
}

// TestLedgerOfBeforeCountsFromNow: charges of a program that kept no time, and a period that the owner began by a clock that was wrong.
func TestLedgerOfBeforeCountsFromNow(t *testing.T) {
	for name, prepare := range map[string]func(d *device){
		"no time was kept": func(d *device) {},
		"the owner's clock stood in 1970": func(d *device) {
			e, err := d.ledger.NextPeriod(5, 0)
			if err != nil {
				d.t.Fatal(err)
			}
			d.entries = append(d.entries, e)
			if err := d.ledger.Apply(e); err != nil {
				d.t.Fatal(err)
			}
			paid, err := d.ledger.Next(privacy.Debit{Round: 2, Units: 1 << 40, LogIndex: 3})
			if err != nil {
				d.t.Fatal(err)
			}
			d.entries = append(d.entries, paid)
		},
	} {
		h, d := spender(t)
		prepare(d)
		d.machine.st.Running = running{}
		d.disk = d.machine.st.encode()
		d.boot()
		h.now = h.now.Add(40 * day)
		h.renew(nil)
		d.spent(h, name)
		// A refusal keeps nothing, so that the first offer that fits begins the count: here, under a wider policy.
		d.cfg.Floor.Ceiling = 2 << 40
		d.boot()
		d.refused = nil
		if d.play(h, "close"); d.refused != nil {
			t.Fatalf("%s: %v", name, d.refused)
		}
		h.renew(nil)
		h.now = h.now.Add(29 * day)
		d.spent(h, name+", 29 days later")
		h.now = h.now.Add(day)
		d.refused = nil
		if d.play(h, "close"); d.refused != nil {
			t.Errorf("%s, 30 days later: %v", name, d.refused)
		}
	}
}

// TestShareOfTheCeilingIsKept: a question with a quarter of the ceiling stops there, at the offer, and what is left of the ceiling does not help.
func TestShareOfTheCeilingIsKept(t *testing.T) {
	for name, c := range map[string]struct {
		bp           uint32
		own, logged  privacy.Units
		rounds, most int
	}{
		"a quarter of the device's ceiling": {2500, 8 << 40, 64 << 40, 3, 2},
		"a quarter of the logged ceiling":   {2500, 64 << 40, 4 << 40, 3, 1},
		"less than one round":               {2499, 4 << 40, 64 << 40, 1, 0},
		"none":                              {0, 64 << 40, 64 << 40, 1, 0},
		"all of it":                         {10000, 3 << 40, 64 << 40, 4, 3},
		"more than all of it is all of it":  {20000, 3 << 40, 64 << 40, 4, 3},
		"a quarter, rounded down in units":  {2500, 4<<40 + 3, 64 << 40, 2, 1},
	} {
		h := newHonest(t, 8)
		h.hooks.question = func(q *audit.Question) { q.ShareBP = c.bp }
		h.hooks.policy = func(p *audit.PolicyChange) { p.CeilingUnits = uint64(c.logged) }
		d := newDevice(t, h)
		d.cfg.Floor.Ceiling = c.own
		d.boot()
		for range c.rounds {
			d.play(h, "close")
		}
		if len(d.entries) != c.most || d.refused == nil || d.refused.Why != F10Budget {
			t.Errorf("%s: %d charges, refused %v", name, len(d.entries), d.refused)
		}
		if c.bp < 10000 && d.refused != nil && !strings.Contains(d.refused.Detail, privacy.ErrShare.Error()) {
			t.Errorf("%s: %v", name, d.refused)
		}
	}
}

// TestCostBeyondTheRemainderKeepsTheBudget: refused before a model is fetched, and a cheaper round still fits.
func TestCostBeyondTheRemainderKeepsTheBudget(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	d.cfg.Floor.Ceiling = 3 << 39 // a round and a half
	d.boot()
	d.play(h, "close")
	d.spent(h, "a whole round more")
	h.hooks.open = func(o *audit.RoundOpen) { o.SigmaTotSq *= 2; recharge(o) }
	d.refused = nil
	if d.play(h, "close"); d.refused != nil || len(d.entries) != 2 || d.ledger.Spent() != 3<<39 {
		t.Errorf("half a round more: %v, %d units", d.refused, d.ledger.Spent())
	}
}

// TestWiderCeilingKeepsWhatWasSpent, and a narrower one leaves nothing.
func TestWiderCeilingKeepsWhatWasSpent(t *testing.T) {
	h, d := spender(t)
	d.cfg.Floor.Ceiling = 2 << 40
	d.boot()
	if d.ledger.Spent() != 1<<40 {
		t.Errorf("%d units", d.ledger.Spent())
	}
	if d.play(h, "close"); d.refused != nil || d.ledger.Spent() != 2<<40 {
		t.Errorf("%v, %d units", d.refused, d.ledger.Spent())
	}
	for _, ceiling := range []privacy.Units{1, 2 << 40} {
		d.cfg.Floor.Ceiling = ceiling
		d.boot()
		d.spent(h, "a ceiling that is reached")
	}
}
