package participant

import (
	"math"
	"slices"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// offered handles an offer: everything that can be checked before training is checked before training.
func (m *Machine) offered(now time.Time, msg *protocol.Offer, out *Output) error {
	entries, err := m.follow(msg.Evidence)
	if err != nil {
		return err
	}
	m.save(out)
	if len(entries) == 0 {
		return refuse(F01BadProof, "the offer shows no log entry")
	}
	last := entries[len(entries)-1]
	open, ok := last.record.(*audit.RoundOpen)
	if !ok {
		return refuse(F01BadProof, "the offer's last entry is not a RoundOpen")
	}
	if last.hash == m.st.Shunned {
		return nil // refused before; the reason has not changed
	}
	if m.st.Phase != idle && last.hash == m.st.OpenHash {
		return m.resumeOffer(out)
	}
	if m.st.Phase != idle {
		m.st.end() // S went on without us; what was charged stays charged
		out.Erase = true
	}
	m.st.OpenHash = last.hash // so that a refusal is remembered
	m.st.Phase = training
	a, err := m.checkOffer(now, entries, open, last.hash, msg)
	if err != nil {
		return err
	}
	m.st.Open, m.st.OpenIndex = *open, last.index
	m.st.Limits, m.st.Share, m.st.Running, out.Entry = a.limits, a.share, a.running, a.period
	m.accept()
	m.st.Code, m.st.ModelSize = slices.Clone(msg.Code), msg.ModelSize
	m.st.LastRound, m.st.OpenedAt = open.Round, open.OpenedAt
	m.save(out)
	out.Fetch = &Fetch{Hash: open.ModelIn, Size: msg.ModelSize}
	return nil
}

// resumeOffer answers an offer that was accepted before, after a reconnect or a restart.
func (m *Machine) resumeOffer(out *Output) error {
	switch {
	case m.late(byKeys):
	case m.st.Phase == training:
		out.Fetch = &Fetch{Hash: m.st.Open.ModelIn, Size: m.st.ModelSize}
	case m.st.Phase == advertised:
		return m.resendSaved(protocol.TypeAdvertise, m.st.Advertise, out)
	}
	return nil
}

func (m *Machine) resendSaved(t protocol.Type, b []byte, out *Output) error {
	msg, err := protocol.Parse(t, b)
	if err != nil {
		return err
	}
	out.Send = append(out.Send, msg)
	return nil
}

func (m *Machine) checkOffer(now time.Time, entries []logEntry, open *audit.RoundOpen, hash [32]byte, msg *protocol.Offer) (a agreed, err error) {
	var question *audit.Question
	var questionHash [32]byte
	var policy *audit.PolicyChange
	var policyAt uint64
	for _, e := range entries {
		switch r := e.record.(type) {
		case *audit.Question:
			question, questionHash = r, e.hash
		case *audit.PolicyChange:
			policy, policyAt = r, e.index
		}
	}
	switch {
	case question == nil || questionHash != open.Question:
		return a, refuse(F17NoConsent, "the round's question is not shown from the log")
	case policy == nil:
		return a, refuse(F01BadProof, "no PolicyChange is shown from the log")
	case m.cfg.Floor.LoopOnly && !demoOrigin(m.cfg.LogOrigin):
		return a, refuse(F03BelowFloor, "policy %q is for a log origin that ends in /demo; this one is %q", m.cfg.Floor.Name, m.cfg.LogOrigin)
	}
	m.st.Question = *question
	for _, check := range []func() error{
		func() error { return m.checkClock(now, open) },
		func() error { return m.checkConsent(open, question, questionHash) },
		func() error { return m.checkWitnesses(open) },
		func() error { return m.checkSuites(open) },
		func() error { return m.checkFloor(open) },
		func() error { return checkStricter(open, question) },
		func() error { return m.checkLogged(open, policy) },
		func() error { return m.checkCode(open, msg) },
		func() error { a, err = m.checkBudget(now, open, question, policy, policyAt, hash); return err },
	} {
		if err := check(); err != nil {
			return agreed{}, err
		}
	}
	m.st.Consented[question.ID] = questionHash
	return a, nil
}

func demoOrigin(s string) bool { return len(s) > 5 && s[len(s)-5:] == "/demo" }

// longestRound bounds how long a coordinator can make a device keep a round's secrets, in seconds: a week.
const longestRound = 7 * 24 * 3600

func (m *Machine) checkClock(now time.Time, open *audit.RoundOpen) error {
	if open.OpenedAt > math.MaxInt64/2 {
		return refuse(F16Clock, "opened_at %d is not a time", open.OpenedAt)
	}
	opened := time.Unix(int64(open.OpenedAt), 0)
	if d := now.Sub(opened); d > clockSlack || d < -clockSlack {
		return refuse(F16Clock, "opened_at differs from this device's clock by %v; set the clock or distrust the coordinator", d.Round(time.Minute))
	}
	if d := time.Unix(int64(m.st.Cosigned), 0).Sub(opened); !m.cfg.Witnesses.IsZero() && (d > clockSlack || d < -clockSlack) {
		return refuse(F16Clock, "opened_at differs from the witnesses' newest time by %v", d.Round(time.Minute))
	}
	if open.OpenedAt < m.st.OpenedAt {
		return refuse(F16Clock, "opened_at %d lies before that of an earlier round, %d", open.OpenedAt, m.st.OpenedAt)
	}
	if open.Round <= m.st.LastRound {
		return refuse(F11Stale, "round %d is not above round %d, which was seen before", open.Round, m.st.LastRound)
	}
	if open.Deadlines[4] > longestRound {
		return refuse(F16Clock, "the round may last %d seconds, and secrets are kept as long; at most %d are allowed", open.Deadlines[4], longestRound)
	}
	for i, d := range open.Deadlines {
		if d == 0 || i > 0 && d < open.Deadlines[i-1] {
			return refuse(F16Clock, "deadlines run backwards: %v", open.Deadlines)
		}
	}
	return nil
}

func (m *Machine) checkConsent(open *audit.RoundOpen, q *audit.Question, hash [32]byte) error {
	if !slices.Contains(m.cfg.Floor.Purposes, q.ID) {
		return refuse(F17NoConsent, "purpose %q is off", q.ID)
	}
	if old, ok := m.st.Consented[q.ID]; ok && old != hash {
		return refuse(F17NoConsent, "question %q changed since its owner agreed; look at it and agree again", q.ID)
	}
	if q.Expiry <= m.deviceTime(open) {
		return refuse(F17NoConsent, "question %q expired", q.ID)
	}
	return nil
}

// agreed is what an accepted offer leaves for the charge: the stricter of the device's limits and those logged, and the ledger's period.
type agreed struct {
	limits  privacy.Limits
	share   privacy.Units // of the ceiling, for the round's question
	running running
	period  *privacy.Entry // begins the period, or nil where it goes on
}

// checkBudget compares with the ledger before anything is computed; the charge itself is made in upload.
func (m *Machine) checkBudget(now time.Time, o *audit.RoundOpen, q *audit.Question, p *audit.PolicyChange, policyAt uint64, hash [32]byte) (a agreed, err error) {
	units, err := privacy.ChargeWithBit(o.CInt, o.SigmaTotSq, o.BitSize(), o.SigmaBitSq)
	if err != nil {
		return a, refuse(F03BelowFloor, "%v", err)
	}
	if uint64(units) != o.RhoUnits {
		return a, refuse(F03BelowFloor, "rho_units is %d, C_int, σ_tot² and the clip bit give %d", o.RhoUnits, units)
	}
	f := m.cfg.Floor
	if o.P > f.P || o.B < f.B {
		return a, refuse(F03BelowFloor, "P %d, b %d: policy %q wants at most %d and at least %d", o.P, o.B, f.Name, f.P, f.B)
	}
	if err := m.checkLedger(); err != nil {
		return a, err
	}
	a.limits = f.Limits().Stricter(privacy.Limits{Ceiling: privacy.Units(p.CeilingUnits), Participations: min(o.P, p.P), Spacing: max(o.B, p.B)})
	a.share = privacy.Share(a.limits.Ceiling, q.ShareBP)
	if a.running, a.period, err = m.period(now, o, p, policyAt); err != nil {
		return a, err
	}
	ledger := m.ledger
	if a.period != nil { // as it will be
		ledger = ledger.Clone()
		if err := ledger.Apply(*a.period); err != nil {
			return a, refuse(F10Budget, "%v", err)
		}
	}
	return a, payable(ledger, a.limits, a.share, m.charge(o, hash))
}

// payable holds a charge against every hard stop.
func payable(l *privacy.Ledger, limits privacy.Limits, share privacy.Units, d privacy.Debit) error {
	if err := l.Check(limits, d); err != nil {
		return refuse(F10Budget, "%v", err)
	}
	if err := l.CheckShare(share, d); err != nil {
		return refuse(F10Budget, "%v", err)
	}
	return nil
}

func (m *Machine) charge(o *audit.RoundOpen, openHash [32]byte) privacy.Debit {
	return privacy.Debit{Round: o.Round, Question: o.Question, OpenHash: openHash, SID: m.st.SID, Units: privacy.Units(o.RhoUnits), LogIndex: m.st.OpenIndex}
}

// modelReady starts the local function, if the file is the one in the log.
func (m *Machine) modelReady(e *ModelReady, out *Output) error {
	if m.st.Phase != training || m.late(byKeys) {
		return nil
	}
	if e.Refused != "" {
		return refuse(F04WrongModel, "%s", e.Refused)
	}
	if e.Hash != m.st.Open.ModelIn {
		return refuse(F04WrongModel, "the received model's hash is %x, the log says %x", e.Hash[:8], m.st.Open.ModelIn[:8])
	}
	m.st.Fetched = true
	o := &m.st.Open
	out.Train = &Train{OpenHash: m.st.OpenHash, Model: o.ModelIn, Code: m.st.Code, Round: o.Round,
		Deadline: time.Unix(int64(o.OpenedAt), 0).Add(time.Duration(o.Deadlines[0]) * time.Second)}
	return nil
}
