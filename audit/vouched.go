package audit

import (
	"encoding/hex"
	"slices"
	"strings"
)

// policies are the witness policies to hold the log against, and who named them. An auditor's own ones stand against the log's: whoever
// rewrites a log would name witnesses of their own.
func (a *auditor) policies() (all []WitnessPolicy, from string) {
	switch {
	case len(a.o.Witnesses) > 0:
		return a.o.Witnesses, "auditor"
	case !a.log.Policy.IsZero():
		return []WitnessPolicy{a.log.Policy}, "log"
	}
	return nil, ""
}

// witnesses puts into the report who vouches for the checkpoint, and by whose word they are witnesses.
func (a *auditor) witnesses(r *Report) {
	all, from := a.policies()
	if len(all) == 0 {
		return
	}
	id := all[0].ID()
	r.WitnessPolicy, r.PolicyFrom = hex.EncodeToString(id[:]), from
	if c, err := all[0].Open(a.log.Keys.Origin, a.log.Keys.LogKey, a.log.Note); err == nil {
		r.Witnesses, r.WitnessedAt = c.Names, c.Time
	}
}

// vouched is W1. That Roster and Survivors of a round were cosigned before devices answered is nothing that a log keeps: it holds the
// newest checkpoint only, and that one covers them all.
func (a *auditor) vouched(v *verdict) {
	all, from := a.policies()
	witnessed := 0
	for _, t := range a.story.rounds {
		if t.open.Mode == modeWitnessed {
			witnessed++
		}
	}
	if len(all) == 0 {
		v.skip("no witness policy was given, and the log names none")
		if witnessed > 0 {
			v.skip("wants the witness policy of this log's rounds, which it does not name itself")
		}
		return
	}
	c, err := all[0].Open(a.log.Keys.Origin, a.log.Keys.LogKey, a.log.Note)
	if err != nil {
		v.fault("%v", err)
	}
	for _, t := range a.story.rounds {
		id := t.open.WitnessPolicy
		if t.open.Mode != modeWitnessed || slices.ContainsFunc(all, func(p WitnessPolicy) bool { return p.ID() == id }) {
			continue
		}
		used := all[0].ID()
		v.fault("round %d names the witness policy %x, the %s's is %x", t.open.Round, id[:8], from, used[:8])
		v.next = "if the log's witnesses changed, give the policy of that time as well; otherwise count these rounds as not witnessed"
	}
	if err != nil {
		v.next = ""
		return
	}
	word := "the policy that was given"
	if from == "log" {
		word = "the policy that the log itself names; compare its id with one that came another way"
	}
	v.saw("%s, by %s (%d rounds in mode W)", strings.Join(c.Names, ", "), word, witnessed)
}
