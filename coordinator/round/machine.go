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
	// disturbed says that the coordinator came back after a crash while members owed it something.
	disturbed bool
	tied      []quarrel // of which either side is to blame for the abort
	settled   Event
	reason    Reason
	detail    string
	ended     bool // the final entry is in the log
}

type member struct {
	id       [32]byte
	key      protocol.KeyBundle
	pq       *protocol.PQPublicKey // suite sig 2
	standing Standing
	reason   Reason
	fault    Fault // for which the round was given up
	spared   bool  // by the lot
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
		m.blameUnsettled(e)
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

func (m *Machine) enter(p Phase) {
	if p <= m.phase {
		panic(fmt.Sprintf("round: phase %v after %v", p, m.phase))
	}
	m.phase = p
	if p <= Settling {
		m.since[p] = m.now
	}
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
