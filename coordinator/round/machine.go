package round

import (
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// Config is everything a round is a function of, besides its events.
type Config struct {
	Open      audit.RoundOpen
	Entry     []byte            // the sealed RoundOpen entry
	Index     uint64            // where it lies in the log
	Context   []uint64          // the log entries an offer rests on: policy, code release, question
	Code      []byte            // canonical bytes of the local function, hashed in Open.CodeHash
	ModelSize uint64            // bytes of the snapshot file Open.ModelIn
	Authority ed25519.PublicKey // of the enrolment authority E
	// AuthorityPQ is E's ML-DSA key, for rounds of suite sig 2; nil elsewhere.
	AuthorityPQ *protocol.PQPublicKey
	Key         ed25519.PrivateKey // signs records
	Signer      protocol.Signer    // signs receipts, in the round's suite; zero: Key
	// Witnesses, LogOrigin and LogKey open the cosigned checkpoint that the graph is drawn from, in rounds with a cosigned seed.
	Witnesses audit.WitnessPolicy
	LogOrigin string
	LogKey    ed25519.PublicKey
	// Grace is how long a phase still waits for a member whose connection is lost.
	Grace time.Duration
	// RhoCumBound is the population ledger's bound once this round counts (privacy 8.3), in units.
	RhoCumBound uint64
}

// Machine is one round. It is owned by one goroutine.
type Machine struct {
	cfg      Config
	openHash [32]byte
	now      time.Time
	phase    Phase
	since    [6]time.Time // when each of the six working phases began
	members  map[[32]byte]*member
	keys     map[[32]byte]bool // every public key advertised so far
	serials  map[[16]byte]bool // of every certificate that came with them
	present  map[[32]byte]bool // every device that is connected, member or not
	roster   []*member         // by index, from the moment it is frozen
	ring     *aggregation.Ring
	degree   aggregation.Degree
	corrupt  int          // most members of one cohort that may work with a liar
	leaves   [][]byte     // of roster_root
	paths    [][][32]byte // each leaf's path in roster_root
	answers  []int        // by index: shares that arrived of the secret Settle needs
	missing  int          // secrets that cannot be rebuilt yet
	cohorts  []*cohort    // from the moment the graph is drawn
	entries  struct{ roster, final []byte }
	indexes  struct{ roster, final uint64 }
	hashes   struct{ roster [32]byte }
	seedNote []byte // the cosigned checkpoint whose signatures gave the graph's seed
	seedSize uint64 // of its tree
	relayed  bool   // mode SM: the confirmations went out
	settled  Event
	reason   Reason
	detail   string
	ended    bool // the final entry is in the log
}

type member struct {
	id       [32]byte
	key      protocol.KeyBundle
	pq       *protocol.PQPublicKey // suite sig 2
	standing Standing
	reason   Reason
	index    uint32
	cohort   *cohort // once the graph is drawn
	present  bool
	away     time.Time
	// neighbours in ring order, as indexes
	neighbours []int
	advertise  *protocol.Advertise
	shares     *protocol.Shares
	input      *protocol.Input
	receipt    *protocol.Receipt
	confirm    *protocol.Confirm
	relayed    bool // its confirmation is among those that are handed on
	reveal     *protocol.Reveal
	inU2       bool
	leaf       int // of inputs_root, when Included
}

// New makes the machine of a round whose RoundOpen is already in the log. Its first event is Started.
func New(cfg Config) *Machine {
	if cfg.Signer.Ed == nil {
		cfg.Signer.Ed = cfg.Key
	}
	return &Machine{cfg: cfg, openHash: audit.LeafHash(cfg.Entry), members: map[[32]byte]*member{}, keys: map[[32]byte]bool{}, serials: map[[16]byte]bool{}, present: map[[32]byte]bool{}}
}

// Step handles one event at a time that never runs backwards. Obey the Output in field order.
func (m *Machine) Step(now time.Time, e Event) Output {
	if now.Before(m.now) {
		now = m.now
	}
	m.now = now
	var out Output
	switch {
	case m.phase.Over() && e.Kind != Logged:
		m.afterEnd(e, &out)
		return out
	case m.entries.final != nil:
		m.closing(e, &out)
		return out
	}
	before := m.phase
	switch e.Kind {
	case Started:
		m.since[Recruit] = now
	case Restarted:
		m.restarted()
	case Connected:
		m.connected(e.From, &out)
	case Disconnected:
		m.disconnected(e.From)
	case Message:
		m.message(e.From, e.Msg, &out)
	case Uploaded:
		m.uploaded(e.From, e.Hash, &out)
	case Logged:
		m.logged(e, &out)
	case Settled:
		m.settle(e, &out)
	case Unsettled:
		m.abort(e.Why, e.Detail, &out)
	case Ticked:
	}
	m.advance(&out)
	m.assertEnds(before)
	return out
}

// closing is a round whose last entry is decided and not yet in the log: from here nothing is accepted, asked or decided.
func (m *Machine) closing(e Event, out *Output) {
	switch e.Kind {
	case Connected:
		m.present[e.From] = true
	case Disconnected:
		delete(m.present, e.From)
	case Restarted:
		clear(m.present)
	case Logged:
		m.logged(e, out)
	case Started, Message, Uploaded, Ticked, Settled, Unsettled:
	}
}

// Member reports whether this device has a place in the round, or will have one.
func (m *Machine) Member(id [32]byte) bool { return m.members[id] != nil }

// Phase says where the round stands.
func (m *Machine) Phase() Phase { return m.phase }

// OpenHash is the round's identity on the wire.
func (m *Machine) OpenHash() [32]byte { return m.openHash }

// SID is the id of the session that a device is a member of, zero if it is of none.
func (m *Machine) SID(id [32]byte) [32]byte {
	if p := m.members[id]; p != nil && p.cohort != nil {
		return p.cohort.sid
	}
	return [32]byte{}
}

// Ended reports whether the round's last entry is in the log.
func (m *Machine) Ended() bool { return m.ended }

// Header is the upload that a device announced, nil if it announced none.
func (m *Machine) Header(id [32]byte) *protocol.Input {
	if p := m.members[id]; p != nil {
		return p.input
	}
	return nil
}

// Vectors lists the masked vectors that are to be in the sum as the round stands. After a crash the driver folds them again.
func (m *Machine) Vectors() []Vector {
	var out []Vector
	for _, p := range m.roster {
		if p.standing == Sent || p.inU3() {
			out = append(out, p.vector())
		}
	}
	return out
}

func (p *member) vector() Vector {
	return Vector{ID: p.id, YHash: p.input.YHash, Cohort: p.cohort.number}
}

// Pending is the plan that is out and not yet answered, nil if there is none; phase Settle is nothing but waiting for it. After a crash the driver starts it again.
func (m *Machine) Pending() *Plan {
	if m.phase == Settling && m.entries.final == nil {
		return m.plan()
	}
	return nil
}

// Awaiting lists the sealed entries that the machine wants to see in the log before it goes on. After a crash the driver
// answers each with a Logged event if the log has it.
func (m *Machine) Awaiting() [][32]byte {
	var out [][32]byte
	add := func(entry []byte, index uint64) {
		if entry != nil && index == 0 {
			out = append(out, audit.LeafHash(entry))
		}
	}
	add(m.entries.roster, m.indexes.roster)
	for _, c := range m.cohorts {
		add(c.survivors, c.index)
	}
	add(m.entries.final, m.indexes.final)
	return out
}

// Counts gives the sizes of the roster, of those that shared and of those whose vector counts.
func (m *Machine) Counts() (advertised, shared, sent, answered int) {
	for _, p := range m.members {
		advertised++
		if p.inU2 || p.standing == Shared {
			shared++
		}
		if p.standing == Sent || p.inU3() {
			sent++
		}
		if p.standing == Answered {
			answered++
		}
	}
	return
}

// Next is the moment at which the machine wants a Ticked event if nothing else happens; the zero time if it waits for
// work or for the log.
func (m *Machine) Next() time.Time {
	if m.unsigned() {
		return m.deadlineOf(Shares)
	}
	if m.phase.Over() || len(m.Awaiting()) > 0 {
		return time.Time{}
	}
	next := m.deadline()
	if m.confirming() {
		next = m.relayBy()
	}
	if m.phase == Shares || m.phase == Inputs || m.phase == Unmask {
		for _, p := range m.roster {
			if t := p.away.Add(m.cfg.Grace); m.owes(p) && !p.present && t.After(m.now) && t.Before(next) {
				next = t
			}
		}
	}
	return next
}

// deadline is when the current phase ends (4.2).
func (m *Machine) deadline() time.Time { return m.deadlineOf(m.phase) }

// deadlineOf is when a phase ends. Recruit and Keys share one.
func (m *Machine) deadlineOf(p Phase) time.Time {
	i := 0
	if p > Keys {
		i = int(min(p, Settling)) - int(Keys)
	}
	return time.Unix(int64(m.cfg.Open.OpenedAt), 0).Add(time.Duration(m.cfg.Open.Deadlines[i]) * time.Second)
}

// unsigned reports whether the roster still waits for its witnesses. They have until the end of phase Shares.
func (m *Machine) unsigned() bool {
	return m.cosigned() && m.entries.roster != nil && m.indexes.roster == 0 && m.entries.final == nil
}

// cosigned reports whether the graph is drawn from witnesses' signatures.
func (m *Machine) cosigned() bool { return m.cfg.Open.SeedKind == seedCosigned }

func (m *Machine) late() bool { return !m.now.Before(m.deadline()) }

func (m *Machine) enter(p Phase) {
	if p <= m.phase {
		panic(fmt.Sprintf("round: phase %v after %v", p, m.phase))
	}
	m.phase = p
	if p <= Settling {
		m.since[p] = m.now
	}
}

// advance ends the current phase if it is complete or its deadline has passed.
func (m *Machine) advance(out *Output) {
	if m.entries.final != nil {
		return
	}
	late := m.late()
	switch m.phase {
	case Recruit, Keys:
		if m.unsigned() && !m.now.Before(m.deadlineOf(Shares)) {
			m.abort(NotCosigned, "the witnesses did not sign the roster before the deadline of phase shares", out)
		} else if m.entries.roster == nil && (len(m.members) >= int(m.cfg.Open.NTarget) || late) {
			m.freezeRoster(out)
		}
	case Shares:
		if late || !m.waiting() {
			m.closeShares(out)
		}
	case Inputs:
		if !m.sealed() && (late || !m.waiting()) {
			m.seal(out)
		}
	case Unmask:
		if m.confirming() && (!m.now.Before(m.relayBy()) || !m.waiting()) {
			m.relay(out)
		}
		switch {
		case m.missing == 0 && (late || !m.anyPresentOwes()):
			m.startSettle(out)
		case late:
			m.abort(TooFewReveals, "the deadline of phase unmask passed", out)
		case m.missing > 0 && !m.waiting():
			m.abort(TooFewReveals, "every member that could still answer has answered or is gone", out)
		}
	case Settling:
		if late {
			m.abort(DeadlinePassed, "the sum was not settled by its deadline", out)
		}
	case Done, Failed:
	}
}

// owes reports whether the current phase still wants something from p.
func (m *Machine) owes(p *member) bool {
	switch m.phase {
	case Shares:
		return p.standing == Listed
	case Inputs:
		return p.standing == Shared
	case Unmask:
		return p.standing == Included || p.standing == Confirmed && m.relayed
	default:
		return false
	}
}

// waiting reports whether a member that owes something is connected, or has been away for less than the grace.
func (m *Machine) waiting() bool {
	for _, p := range m.roster {
		if m.owes(p) && (p.present || m.now.Before(p.away.Add(m.cfg.Grace))) {
			return true
		}
	}
	return false
}

func (m *Machine) anyPresentOwes() bool {
	for _, p := range m.roster {
		if m.owes(p) && p.present {
			return true
		}
	}
	return false
}

// logged takes note of where an awaited entry lies, and does what waited for it.
func (m *Machine) logged(e Event, out *Output) {
	switch {
	case m.entries.roster != nil && m.indexes.roster == 0 && e.Hash == m.hashes.roster:
		if m.entries.final != nil {
			m.indexes.roster = e.Index
			return
		}
		seed, err := m.drawSeed(e.Note)
		if err != nil {
			m.abort(NotCosigned, err.Error(), out)
			return
		}
		m.indexes.roster = e.Index
		m.rosterLogged(seed, out)
	case m.sealedIn(e):
		if m.entries.final == nil && m.sealedLogged() {
			m.survivorsLogged(out)
		}
	case m.entries.final != nil && m.indexes.final == 0 && e.Hash == audit.LeafHash(m.entries.final):
		m.indexes.final = e.Index
		m.finish(out)
	}
}

// sealedIn takes note of where a cohort's Survivors entry lies, if that is what was logged.
func (m *Machine) sealedIn(e Event) bool {
	for _, c := range m.cohorts {
		if c.survivors != nil && c.index == 0 && e.Hash == c.hash {
			c.index = e.Index
			return true
		}
	}
	return false
}

// record seals a record of this round with the coordinator's key.
func (m *Machine) record(r audit.Record) []byte {
	entry, err := audit.Seal(m.cfg.Key, r)
	if err != nil {
		panic(fmt.Sprintf("round: seal %T: %v", r, err)) // our own record is within its limits
	}
	return entry
}
