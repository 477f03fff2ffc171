package participant

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// phase is where the device stands in its round.
type phase uint8

const (
	idle       phase = iota
	training         // offer accepted: the model is being fetched or the local function runs
	advertised       // R0 sent
	shared           // R1 sent, noise drawn
	uploading        // charged, R2 on its way
	sent             // receipt held
	confirming       // mode SM: the survivors are signed for, the answer is held
	answered         // R3 sent
)

// state is everything a device needs to go on after a restart, but for the session's vectors, which are in the scratch. It holds
// session secrets; the door keeps it in its own file and it is erased when the round ends.
type state struct {
	TreeSize  uint64
	TreeRoot  [32]byte
	LastRound uint64              // the highest round number ever accepted
	OpenedAt  uint64              // of that round; times do not run backwards
	Consented map[string][32]byte // question id -> the logged question the owner's consent was first used for
	Shunned   [32]byte            // the round that was refused last
	Signed    uint64              // the highest ledger sequence that this device's key is known to have signed
	Cosigned  uint64              // the newest time that a quorum of witnesses vouches for
	Running   running             // the ledger's period
	Phase     phase
	dropped   bool // the round of an earlier version, which lies on the disk still
	session
}

// session is what belongs to one round.
type session struct {
	Open        audit.RoundOpen
	AcceptedAt  int64         // Unix nanoseconds of this device's wall clock
	Seen        time.Duration // the most that passed since, by the clock of any process
	Rostered    time.Duration // from there to when the roster came: what shares are held by
	Over        bool          // nothing of this device can count any more: its secrets are gone, and it waits to hear how the round ended
	OpenHash    [32]byte
	OpenIndex   uint64
	Question    audit.Question
	Limits      privacy.Limits // those that the offer was accepted under
	Share       privacy.Units
	Code        []byte
	ModelSize   uint64
	Fetched     bool
	Secrets     []byte  `json:"-"` // aggregation.Secrets; in bulk, as is all that must stay secret
	Quantised   written `json:"-"` // until its noise is drawn; in bulk
	Advertise   []byte
	Index       uint32
	N, K, T     uint32
	Cohort      uint32
	Corrupt     uint32 // the most of the cohort's members that γ allows
	Seed        [32]byte
	RosterHash  [32]byte
	RosterIndex uint64
	SID         [32]byte
	Neighbours  []neighbour `json:"-"` // in bulk
	Noised      written     `json:"-"` // until it is masked; in bulk
	Shares      []byte      `json:"-"` // in bulk
	Delivery    [32]byte    // digest of the delivery that was acted on
	Input       []byte
	Masked      written // its hash is y_hash
	Receipt     []byte
	Digest      [32]byte // of the survivors that were answered
	SurvHash    [32]byte
	InputsRoot  [32]byte
	Survivors   uint32
	Reveal      []byte              `json:"-"` // in bulk
	Confirm     []byte              // mode SM
	Trees       []audit.ReceiptTree // the heads of the log shown since the survivors
	SurvEntry   audit.ProvedEntry   // in the first of them
}

type neighbour struct {
	Index          uint32
	IDPK, SPK, EPK [32]byte
	Masked         bool
	M, B           [32]byte // shares held for this neighbour
	PQ             []byte   // its ML-DSA key, where its confirmation must be checked
	KEM            []byte   // its X-Wing keys in the post-quantum key suite
	maskCT         []byte   // what it made for their pair mask, until that is added
}

// wire is state with the records as canonical bytes, so that a saved state is read strictly.
type wire struct {
	Version   int
	TreeSize  uint64
	TreeRoot  []byte
	LastRound uint64
	OpenedAt  uint64
	Consented map[string][]byte
	Shunned   []byte
	Signed    uint64
	Cosigned  uint64
	Running   running
	Phase     phase
	Session   *session `json:",omitempty"`
}

const (
	stateVersion = 4
	// From oldVersion on, what outlives a round is read of the versions before. Their sessions had vectors or secrets in the JSON.
	oldVersion = 2
)

// unsealed takes off the digest: what changed on disk must not be sent, because two vectors under the same masks reveal their
// difference (9.1).
func unsealed(b []byte) ([]byte, error) {
	if len(b) < sha256.Size || sha256.Sum256(b[sha256.Size:]) != [32]byte(b[:sha256.Size]) {
		return nil, fmt.Errorf("the saved round is damaged, so nothing of it may be sent; restore the file from a copy, or forget the round "+
			"by starting a new period with `cinesyncd budget --new-period` (%w)", ErrDamaged)
	}
	return b[sha256.Size:], nil
}

// ErrDamaged means that what a machine saved is not what is read.
var ErrDamaged = errors.New("saved participant state does not match its digest")

// encode writes the state as SHA-256(rest) ‖ rest, rest being a u32 length, that much JSON, and the session's bulk. Secrets are
// copied once, into the bytes it gives, which whoever has them clears.
func (s *state) encode() []byte {
	w := wire{Version: stateVersion, TreeSize: s.TreeSize, TreeRoot: s.TreeRoot[:], LastRound: s.LastRound, OpenedAt: s.OpenedAt,
		Consented: map[string][]byte{}, Shunned: s.Shunned[:], Signed: s.Signed,
		Cosigned: s.Cosigned, Running: s.Running, Phase: s.Phase}
	for id, h := range s.Consented {
		w.Consented[id] = h[:]
	}
	if s.Phase != idle {
		w.Session = &s.session
	}
	head, bulk := mustJSON(w), 0
	if s.Phase != idle {
		bulk = s.bulkSize()
	}
	out := make([]byte, sha256.Size, sha256.Size+4+len(head)+bulk)
	out = append(appendCount(out, len(head)), head...)
	if s.Phase != idle {
		out = s.appendBulk(out)
	}
	sum := sha256.Sum256(out[sha256.Size:])
	copy(out, sum[:])
	return out
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("participant: encode state: %v", err)) // plain values only
	}
	return b
}

// load reads what encode wrote, and keeps nothing of b itself.
func (s *state) load(b []byte) error {
	*s = state{Consented: map[string][32]byte{}}
	if b == nil {
		return nil
	}
	b, err := unsealed(b)
	if err != nil {
		return err
	}
	r := bulkReader{rest: b}
	head := r.part("head", 1)
	if r.err != nil {
		return fmt.Errorf("read saved participant state: %w", r.err)
	}
	var w wire
	if err := json.Unmarshal(head, &w); err != nil {
		return fmt.Errorf("read saved participant state: %w", err)
	}
	if w.Version >= oldVersion && w.Version < stateVersion { // its round was another version's, and is over
		s.dropped = w.Phase != idle || w.Session != nil || len(r.rest) > 0
		w.Version, w.Phase, w.Session, r.rest = stateVersion, idle, nil, nil
	}
	if w.Version != stateVersion || len(w.TreeRoot) != 32 || len(w.Shunned) != 32 || w.Phase > answered {
		return fmt.Errorf("read saved participant state: version %d or its fields are not what this program writes", w.Version)
	}
	s.TreeSize, s.TreeRoot, s.LastRound, s.OpenedAt, s.Phase = w.TreeSize, [32]byte(w.TreeRoot), w.LastRound, w.OpenedAt, w.Phase
	s.Shunned, s.Signed, s.Cosigned, s.Running = [32]byte(w.Shunned), w.Signed, w.Cosigned, w.Running
	for id, h := range w.Consented {
		if len(h) != 32 {
			return fmt.Errorf("read saved participant state: consent for %q is %d bytes", id, len(h))
		}
		s.Consented[id] = [32]byte(h)
	}
	if s.Phase == idle && w.Session == nil && len(r.rest) == 0 {
		return nil
	}
	if s.Phase == idle || w.Session == nil {
		return errors.New("read saved participant state: a session is there without a round, or a round without a session")
	}
	s.session = *w.Session
	if err := s.parseBulk(r.rest); err != nil {
		s.forget()
		return fmt.Errorf("read saved session: %w", err)
	}
	return nil
}

// Signed is the highest ledger sequence that the device of a saved state is known to have signed. A new ledger begins above
// it, or the coordinator's copy of the last header would show the device an old ledger for ever.
func Signed(saved []byte) (uint64, error) {
	var s state
	if err := s.load(saved); err != nil {
		return 0, err
	}
	defer s.forget()
	return s.Signed, nil
}

// files are those that the session still needs.
func (s *state) files() []string {
	var out []string
	if s.Over {
		return nil
	}
	for _, f := range []struct {
		name string
		w    written
	}{{fileQuantised, s.Quantised}, {fileNoised, s.Noised}, {fileMasked, s.Masked}} {
		if f.w.there() {
			out = append(out, f.name)
		}
	}
	return out
}

// forget erases what is secret in the session: keys, shares and answers are zeroed, and its files are needed no more. What stays
// is for the receipt of a round whose end is still to come.
func (s *state) forget() {
	for _, b := range [][]byte{s.Secrets, s.Reveal, s.Shares} {
		clear(b)
	}
	clear(s.Neighbours)
	s.Secrets, s.Reveal, s.Shares, s.Neighbours = nil, nil, nil, nil
	s.Quantised, s.Noised, s.Over = written{}, written{}, true
}

// end erases the session.
func (s *state) end() {
	s.forget()
	s.session = session{}
	s.Phase = idle
}

// refuse ends the session and remembers not to be asked again for the same round.
func (s *state) refuse() {
	if s.Phase != idle {
		s.Shunned = s.OpenHash
	}
	s.end()
}

// secrets decodes the session's secrets; the caller zeroes them.
func (s *state) secrets() (*aggregation.Secrets, error) {
	var sec aggregation.Secrets
	if err := sec.UnmarshalBinary(s.Secrets); err != nil {
		return nil, fmt.Errorf("read session secrets: %w", err)
	}
	return &sec, nil
}

// message decodes one of our own saved messages.
func message[M protocol.Message](t protocol.Type, b []byte) (M, error) {
	var zero M
	msg, err := protocol.Parse(t, b)
	if err != nil {
		return zero, fmt.Errorf("read saved message: %w", err)
	}
	return msg.(M), nil
}
