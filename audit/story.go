package audit

import (
	"fmt"
	"maps"
	"slices"
)

// story is the log's records put in relation: what each round was logged under, and how it went. Where records compete, the first wins
// (docs/spec/log.md §6); the others are odd and have no effect.
type story struct {
	rounds    []*session
	policies  []LoggedRecord // every PolicyChange
	exhausted []exhaustion
	odd       []string // faults of A9

	byOpen    map[[32]byte]*session
	policy    *PolicyChange // newest so far
	policyAt  uint64
	questions map[[32]byte]*Question
	released  map[[32]byte]bool
	lastEnd   [32]byte // hash of the newest RoundClose or Abort
}

// session is one round as the log tells it.
type session struct {
	hash      [32]byte // of its RoundOpen
	open      *RoundOpen
	policy    *PolicyChange // in force when it opened; nil if none was
	policyAt  uint64
	question  *Question // that it names; nil if it was not logged before
	released  bool      // its local function was released before
	prev      [32]byte  // what its PrevRound has to be
	roster    *Roster
	survivors map[uint32]sealedCohort
	closed    *RoundClose
	aborted   *Abort

	rosterHash [32]byte
}

// sealedCohort is the first Survivors of a cohort.
type sealedCohort struct {
	record *Survivors
	hash   [32]byte
}

func (t *session) over() bool { return t.closed != nil || t.aborted != nil }

// sealed says whether every cohort has its Survivors.
func (t *session) sealed() bool {
	return len(t.survivors) > 0 && uint64(len(t.survivors)) == uint64(t.open.Cohorts)
}

// summed is how many members the Survivors of all cohorts count.
func (t *session) summed() (n uint64) {
	for _, s := range t.survivors {
		n += uint64(s.record.Count)
	}
	return n
}

// cohortsInOrder are the cohorts that have Survivors.
func (t *session) cohortsInOrder() []uint32 { return slices.Sorted(maps.Keys(t.survivors)) }

// block is the size of one cohort of the roster (secure aggregation 14.2).
func (t *session) block() uint32 { return t.roster.N / max(1, t.open.Cohorts) }

// graph is the neighbour graph that the round logged.
func (t *session) graph() Graph {
	o := t.open
	return Graph{N: int(t.roster.N), K: int(t.roster.K), T: int(t.roster.T), GammaBP: int(o.GammaBP), DeltaBP: int(o.DeltaBP),
		Lambda: int(o.Lambda), Eta: int(o.Eta), Mode: int(o.Mode), Cohorts: int(o.Cohorts)}
}

// exhaustion is a BudgetExhausted record with its place among the rounds.
type exhaustion struct {
	record   *BudgetExhausted
	policy   *PolicyChange
	question *Question
	before   int // this many rounds
}

func tell(records []LoggedRecord) *story {
	s := &story{byOpen: map[[32]byte]*session{}, questions: map[[32]byte]*Question{}, released: map[[32]byte]bool{}}
	for _, r := range records {
		s.add(r)
	}
	return s
}

func (s *story) add(r LoggedRecord) {
	switch rec := r.Record.(type) {
	case *PolicyChange:
		s.policies = append(s.policies, r)
		s.policy, s.policyAt = rec, r.Index
	case *CodeRelease:
		s.released[rec.CodeHash] = true
	case *Question:
		s.questions[r.Hash] = rec
	case *RoundOpen:
		s.begin(r, rec)
	case *Roster:
		s.freeze(r, rec)
	case *Survivors:
		s.seal(r, rec)
	case *RoundClose:
		s.close(r, rec)
	case *Abort:
		s.abort(r, rec)
	case *BudgetExhausted:
		s.exhausted = append(s.exhausted, exhaustion{rec, s.policy, s.questions[rec.Question], len(s.rounds)})
	}
}

func (s *story) oddity(r LoggedRecord, format string, args ...any) {
	s.odd = append(s.odd, fmt.Sprintf("entry %d: ", r.Index)+fmt.Sprintf(format, args...))
}

func (s *story) begin(r LoggedRecord, open *RoundOpen) {
	if s.byOpen[r.Hash] != nil {
		s.oddity(r, "round %d is opened a second time", open.Round)
		return
	}
	if n := len(s.rounds); n > 0 && !s.rounds[n-1].over() {
		s.oddity(r, "round %d is opened before round %d has a RoundClose or Abort", open.Round, s.rounds[n-1].open.Round)
	}
	for i, d := range open.Deadlines {
		if d == 0 || i > 0 && d < open.Deadlines[i-1] {
			s.oddity(r, "the deadlines of round %d, %v, do not follow each other", open.Round, open.Deadlines)
			break
		}
	}
	t := &session{hash: r.Hash, open: open, survivors: map[uint32]sealedCohort{}, policy: s.policy, policyAt: s.policyAt, question: s.questions[open.Question],
		released: s.released[open.CodeHash], prev: s.lastEnd}
	s.byOpen[r.Hash] = t
	s.rounds = append(s.rounds, t)
}

// running finds the round that a record belongs to, if that round may still have one.
func (s *story) running(r LoggedRecord, open [32]byte) *session {
	t := s.byOpen[open]
	switch {
	case t == nil:
		s.oddity(r, "a %v for a round that was not opened", KindOf(r.Record))
	case t.over():
		s.oddity(r, "a %v for round %d, which had ended", KindOf(r.Record), t.open.Round)
	default:
		return t
	}
	return nil
}

func (s *story) freeze(r LoggedRecord, rec *Roster) {
	t := s.running(r, rec.Open)
	switch {
	case t == nil:
	case t.roster != nil:
		s.oddity(r, "a second Roster for round %d", t.open.Round)
	default:
		t.roster, t.rosterHash = rec, r.Hash
	}
}

func (s *story) seal(r LoggedRecord, rec *Survivors) {
	t := s.running(r, rec.Open)
	if t == nil {
		return
	}
	_, again := t.survivors[rec.Cohort]
	switch {
	case again:
		s.oddity(r, "a second Survivors for cohort %d of round %d", rec.Cohort, t.open.Round)
	case t.roster == nil || rec.Roster != t.rosterHash:
		s.oddity(r, "the Survivors of round %d do not name its Roster", t.open.Round)
	case rec.Cohort >= t.open.Cohorts:
		s.oddity(r, "Survivors of cohort %d in round %d, which has %d", rec.Cohort, t.open.Round, t.open.Cohorts)
	default:
		t.survivors[rec.Cohort] = sealedCohort{rec, r.Hash}
	}
}

func (s *story) close(r LoggedRecord, rec *RoundClose) {
	t := s.running(r, rec.Open)
	if t == nil {
		return
	}
	switch {
	case t.roster == nil || !t.sealed():
		s.oddity(r, "a RoundClose of round %d, which has no Roster, or no Survivors of some cohort", t.open.Round)
	case rec.Roster != t.rosterHash || !t.names(rec.Survivors):
		s.oddity(r, "the RoundClose of round %d names another Roster or other Survivors", t.open.Round)
	case rec.U1 != t.roster.N || uint64(rec.U3) != t.summed() || rec.U2 > rec.U1 || rec.U2 < rec.U3:
		s.oddity(r, "the RoundClose of round %d says %d, %d and %d members, its Roster %d and its Survivors %d", t.open.Round, rec.U1, rec.U2,
			rec.U3, t.roster.N, t.summed())
	}
	t.closed, s.lastEnd = rec, r.Hash
}

// names says whether the hashes are those of the cohorts' Survivors, in cohort order.
func (t *session) names(hashes [][32]byte) bool {
	if len(hashes) != len(t.survivors) {
		return false
	}
	for c, h := range hashes {
		if t.survivors[uint32(c)].hash != h {
			return false
		}
	}
	return true
}

func (s *story) abort(r LoggedRecord, rec *Abort) {
	t := s.running(r, rec.Open)
	if t == nil {
		return
	}
	if t.roster != nil && rec.U1 != t.roster.N || len(t.survivors) > 0 && uint64(rec.U3) != t.summed() {
		s.oddity(r, "the Abort of round %d says %d and %d members, which its Roster or its Survivors do not", t.open.Round, rec.U1, rec.U3)
	}
	t.aborted, s.lastEnd = rec, r.Hash
}

// rivals is A9. A round that is open when the log ends may be running, which only the caller can know.
func (a *auditor) rivals(v *verdict) {
	v.faults = append(v.faults, a.story.odd...)
	v.saw("%d rounds, each told once", len(a.story.rounds))
	for _, t := range a.story.rounds {
		if err := a.checkSession(t); err != nil {
			v.fault("round %d: %v", t.open.Round, err)
		}
	}
	n := len(a.story.rounds)
	if n == 0 || a.story.rounds[n-1].over() {
		return
	}
	open := a.story.rounds[n-1].open
	last := addCapped(open.OpenedAt, uint64(open.Deadlines[len(open.Deadlines)-1]))
	switch {
	case !a.o.Live:
		v.fault("round %d has no RoundClose or Abort", open.Round)
		if len(v.faults) == 1 {
			v.next = "if the coordinator may still be running, verify with --live; otherwise start it once, so that it ends the round"
		}
	case a.o.Now > last:
		v.fault("round %d has no RoundClose or Abort, %d seconds after its last deadline", open.Round, a.o.Now-last)
		if len(v.faults) == 1 {
			v.next = "start the coordinator, so that it ends the round; if it runs, ask why it does not"
		}
	default:
		v.saw("%d rounds, each told once; round %d is open until its last deadline", n, open.Round)
	}
}

// checkSession holds a round's session id against what devices derive theirs from, so that masks were made for this roster and no other. In
// mode W it rests on signatures that are not in the log.
func (a *auditor) checkSession(t *session) error {
	const sm, sh = 2, 3
	if t.open.Mode != sm && t.open.Mode != sh {
		return nil
	}
	for _, c := range t.cohortsInOrder() {
		if have, want := t.survivors[c].record.SID, a.rules.SessionID(t.hash, t.rosterHash, c); have != want {
			return fmt.Errorf("the session id of its Survivors is %x, its RoundOpen and its Roster give %x", have[:8], want[:8])
		}
	}
	return nil
}

// chain is C1.
func (a *auditor) chain(v *verdict) {
	v.saw("%d rounds", len(a.story.rounds))
	var last *RoundOpen
	for _, t := range a.story.rounds {
		if t.open.PrevRound != t.prev {
			v.fault("round %d does not name the end of the round before it", t.open.Round)
		}
		if last != nil && t.open.Round <= last.Round {
			v.fault("round %d comes after round %d", t.open.Round, last.Round)
		}
		if last != nil && t.open.OpenedAt < last.OpenedAt {
			v.fault("round %d was opened at %d, before round %d at %d", t.open.Round, t.open.OpenedAt, last.Round, last.OpenedAt)
		}
		last = t.open
	}
}
