package audit

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"math"
)

// defaultDelta is the δ of the privacy figure where the auditor names none (design: privacy 9.2).
const defaultDelta = 1e-6

// Verify reads the log in fsys as Read does and makes every check of docs/spec/log.md §9. What it finds is in the report. An error
// means that the options are wrong and that nothing was checked.
func Verify(fsys fs.FS, rules Rules, o Options) (Report, error) {
	if o.Delta == 0 {
		o.Delta = defaultDelta
	}
	if err := o.check(); err != nil {
		return Report{}, fmt.Errorf("verify the log: %w", err)
	}
	c, err := Read(fsys, rules.CheckCert, o.Live)
	if err != nil {
		return unreadable(o, err), nil
	}
	a := &auditor{rules: rules, o: o, log: c, story: tell(c.Records)}
	a.keepAccounts()
	return a.report(), nil
}

func (o Options) check() error {
	for _, p := range o.Witnesses {
		if err := p.Validate(); err != nil {
			return err
		}
	}
	if !(o.Delta > 0 && o.Delta < 1) {
		return fmt.Errorf("δ is %v: want a number between 0 and 1, such as 1e-6", o.Delta)
	}
	if p := o.Published; p != nil && (!(p.Epsilon >= 0) || math.IsInf(p.Epsilon, 1) || !(p.Within >= 0)) {
		return fmt.Errorf("the published ε is %v ± %v: want a finite number that is not negative", p.Epsilon, p.Within)
	}
	return nil
}

// auditor holds what the checks of one log share.
type auditor struct {
	rules    Rules
	o        Options
	log      *Contents
	story    *story
	accounts accounts
}

// verdict is what one check has found so far.
type verdict struct {
	faults  []string
	seen    string // what was looked at, if nothing is wrong
	skipped bool   // not checked; seen says why
	next    string // instead of the check's usual next step
}

func (v *verdict) fault(format string, args ...any) {
	v.faults = append(v.faults, fmt.Sprintf(format, args...))
}

func (v *verdict) saw(format string, args ...any) { v.seen = fmt.Sprintf(format, args...) }

func (v *verdict) skip(why string) { v.skipped, v.seen = true, why }

// outcome puts a verdict into words. Of many faults the first is told: the others tend to follow from it.
func (v *verdict) outcome(id, title, next string) Check {
	c := Check{ID: id, Title: title, Status: StatusOK, Detail: v.seen}
	switch {
	case len(v.faults) > 0:
		c.Status, c.Detail, c.Next = StatusFail, v.faults[0], next
		if v.next != "" {
			c.Next = v.next
		}
		if n := len(v.faults) - 1; n > 0 {
			c.Detail += fmt.Sprintf(" (and %d more)", n)
		}
	case v.skipped:
		c.Status = StatusNotChecked
	}
	return c
}

// unreadable is the report of a log that does not verify as a whole: what its entries say is not looked at.
func unreadable(o Options, err error) Report {
	r := Report{Delta: o.Delta, Periods: []Period{}}
	for i, check := range checks {
		v := verdict{}
		if i == 0 {
			v.fault("%v", err)
		} else {
			v.skip("the log could not be read")
		}
		r.Checks = append(r.Checks, v.outcome(check.id, check.title, check.next))
	}
	return r
}

func (a *auditor) report() Report {
	k := a.log.Keys
	r := Report{OK: true, Origin: k.Origin, LogKey: hex.EncodeToString(k.LogKey), Authority: hex.EncodeToString(k.Authority), Entries: len(a.log.Records), Root: fmt.Sprintf("%x", a.log.Checkpoint.Root),
		Rounds: len(a.story.rounds), Delta: a.o.Delta, Periods: []Period{}}
	for _, t := range a.story.rounds {
		if t.closed != nil {
			r.Closed++
		} else if t.aborted != nil {
			r.Aborted++
		}
	}
	a.figures(&r)
	a.witnesses(&r)
	for _, check := range checks {
		v := verdict{}
		check.make(a, &v)
		c := v.outcome(check.id, check.title, check.next)
		r.OK = r.OK && c.Status != StatusFail
		r.Checks = append(r.Checks, c)
	}
	return r
}

// whole is A1. Read verified the log itself; what is left is whether it goes on from where an earlier audit left it, and whether the
// certificate covered its rounds. A renewed certificate begins later than the rounds before it, so that only its end is held against them.
func (a *auditor) whole(v *verdict) {
	v.saw("%d entries in %d files, signed by %s; no earlier checkpoint was given to compare with", len(a.log.Records), a.log.Files, a.log.Keys.Origin)
	for _, t := range a.story.rounds {
		if end := a.log.Coordinator.NotAfter; t.open.OpenedAt > end {
			v.fault("round %d was opened at %d, after the coordinator's certificate ended at %d", t.open.Round, t.open.OpenedAt, end)
		}
	}
	if a.o.Since == nil {
		return
	}
	old, err := OpenSigned(a.log.Keys.Origin, a.log.Keys.LogKey, a.o.Since)
	switch size := a.log.Checkpoint.Size; {
	case err != nil:
		v.fault("the kept checkpoint is not one of this log: %v", err)
	case old.Size > size:
		v.fault("the kept checkpoint has %d entries, this log %d: the log was cut back", old.Size, size)
	case a.log.log.Root(old.Size) != old.Root:
		v.fault("the first %d entries are not those of the kept checkpoint: the log was rewritten", old.Size)
	default:
		v.saw("%d entries in %d files, signed by %s; the log extends the kept checkpoint of %d entries", size, a.log.Files, a.log.Keys.Origin, old.Size)
	}
}

// issued is A11, which wants numbers that no log has.
func (a *auditor) issued(v *verdict) {
	v.skip("wants the enrolment authority's count of certificates")
}

// sampled is A12, which wants vectors that no log has.
func (a *auditor) sampled(v *verdict) {
	v.skip("wants a round's recorded vectors and answers, which are not in the log")
}
