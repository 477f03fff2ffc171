package participant

import (
	"encoding/json"
	"fmt"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
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
	answered         // R3 sent
)

// state is everything a device needs to go on after a restart. It holds session secrets and, until they are masked, the
// device's own values; the door keeps it in its own file and it is erased when the round ends.
type state struct {
	TreeSize  uint64
	TreeRoot  [32]byte
	LastRound uint64              // the highest round number ever accepted
	OpenedAt  uint64              // of that round; times do not run backwards
	Consented map[string][32]byte // question id -> the logged question the owner's consent was first used for
	Shunned   [32]byte            // the round that was refused last
	Phase     phase
	session
}

// session is what belongs to one round.
type session struct {
	Open        audit.RoundOpen
	OpenHash    [32]byte
	OpenIndex   uint64
	Question    audit.Question
	Code        []byte
	ModelSize   uint64
	Fetched     bool
	Secrets     []byte // aggregation.Secrets
	X           []int32
	Advertise   []byte
	Index       uint32
	N, K, T     uint32
	RosterHash  [32]byte
	RosterIndex uint64
	SID         [32]byte
	Neighbours  []neighbour
	Noised      []uint32
	Shares      []byte
	Delivery    [32]byte // digest of the delivery that was acted on
	Input       []byte
	Y           []byte
	Receipt     []byte
	Digest      [32]byte // of the survivors that were answered
	SurvHash    [32]byte
	InputsRoot  [32]byte
	Survivors   uint32
	Reveal      []byte
}

type neighbour struct {
	Index    uint32
	SPK, EPK [32]byte
	Masked   bool
	M, B     [32]byte // shares held for this neighbour
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
	Phase     phase
	Session   json.RawMessage `json:",omitempty"`
}

const stateVersion = 1

func (s *state) encode() []byte {
	w := wire{Version: stateVersion, TreeSize: s.TreeSize, TreeRoot: s.TreeRoot[:], LastRound: s.LastRound, OpenedAt: s.OpenedAt,
		Consented: map[string][]byte{}, Shunned: s.Shunned[:], Phase: s.Phase}
	for id, h := range s.Consented {
		w.Consented[id] = h[:]
	}
	if s.Phase != idle {
		w.Session = mustJSON(s.session)
	}
	return mustJSON(w)
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("participant: encode state: %v", err)) // plain values only
	}
	return b
}

func (s *state) load(b []byte) error {
	*s = state{Consented: map[string][32]byte{}}
	if b == nil {
		return nil
	}
	var w wire
	if err := json.Unmarshal(b, &w); err != nil {
		return fmt.Errorf("read saved participant state: %w", err)
	}
	if w.Version != stateVersion || len(w.TreeRoot) != 32 || len(w.Shunned) != 32 || w.Phase > answered {
		return fmt.Errorf("read saved participant state: version %d or its fields are not what this program writes", w.Version)
	}
	s.TreeSize, s.TreeRoot, s.LastRound, s.OpenedAt, s.Phase = w.TreeSize, [32]byte(w.TreeRoot), w.LastRound, w.OpenedAt, w.Phase
	s.Shunned = [32]byte(w.Shunned)
	for id, h := range w.Consented {
		if len(h) != 32 {
			return fmt.Errorf("read saved participant state: consent for %q is %d bytes", id, len(h))
		}
		s.Consented[id] = [32]byte(h)
	}
	if s.Phase == idle {
		return nil
	}
	if err := json.Unmarshal(w.Session, &s.session); err != nil {
		return fmt.Errorf("read saved session: %w", err)
	}
	return nil
}

// end erases the session: keys, shares and values are zeroed and forgotten.
func (s *state) end() {
	clear(s.Secrets)
	clear(s.X)
	clear(s.Noised)
	clear(s.Y)
	for i := range s.Neighbours {
		s.Neighbours[i] = neighbour{}
	}
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
