package participant

import (
	"crypto/ed25519"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// Config is what a device pins and owns (3.2). Nothing in it comes from an offer.
type Config struct {
	Key           ed25519.PrivateKey // of the certificate
	Cert          protocol.Cert
	CertPQ        []byte                // its second half, for signature suite 2; or nil
	Authority     ed25519.PublicKey     // E
	AuthorityPQ   *protocol.PQPublicKey // or nil
	Coordinator   ed25519.PublicKey     // S
	CoordinatorPQ *protocol.PQPublicKey // or nil
	LogOrigin     string
	LogKey        ed25519.PublicKey
	Witnesses     audit.WitnessPolicy // zero: none is pinned, and mode W is refused
	Floor         Floor
	Random        io.Reader // for every secret, coin and noise key
	Scratch       Scratch   // for the session's vectors
	// Reached is the ledger's sequence by the counter that is kept outside the device's folder. Uncounted: the ledger holds charges and
	// there is no counter, so that it counts as spent until the coordinator shows that it is no old copy.
	Reached   uint64
	Uncounted bool
}

// Machine is the device's side. It is owned by one goroutine.
type Machine struct {
	cfg       Config
	ledger    *privacy.Ledger
	st        state
	vouched   bool  // the coordinator has shown this device's last header
	uploading bool  // chunks are on their way on this connection
	at        int64 // where the next one begins
	now       time.Time
	accepted  time.Time              // when the running round was; zero before a restarted machine first looks
	pq        *protocol.PQPrivateKey // made when it is first needed
}

// New makes a machine from what Save wrote before, or from nothing; it keeps nothing of those bytes, so that the caller can clear
// them. The ledger is the replayed one; the caller applies an
// Output's Entry to it once that is durable.
func New(cfg Config, ledger *privacy.Ledger, saved []byte) (*Machine, error) {
	if err := cfg.Floor.Validate(); err != nil {
		return nil, err
	}
	if cfg.Scratch == nil {
		return nil, errors.New("the device has no scratch for its vectors")
	}
	m := &Machine{cfg: cfg, ledger: ledger}
	if err := m.st.load(saved); err != nil {
		return nil, err
	}
	return m, nil
}

// Step handles one event.
func (m *Machine) Step(now time.Time, e Event) Output {
	var out Output
	var err error
	m.now = now
	before := m.st.files()
	m.tick(&out)
	switch {
	case e.Connected:
		m.uploading = false
		out.Send = append(out.Send, m.hello())
	case e.Model != nil:
		err = m.modelReady(e.Model, &out)
	case e.Trained != nil:
		err = m.trained(e.Trained, &out)
	case e.Msg != nil:
		err = m.receive(now, e.Msg, &out)
	case e.More:
		err = m.more(&out)
	case e.Late:
		m.unsent(&out)
	}
	var refused *Refused
	if errors.As(err, &refused) {
		m.giveUp(refused, &out)
	} else if err != nil {
		m.giveUp(&Refused{Why: F15Malformed, Detail: err.Error()}, &out)
	}
	out.Drop = out.Refused != nil || !slices.Equal(before, m.st.files())
	return out
}

// Files are those of the scratch that the running round needs. After a crash there may be others, to be removed as if an
// Output said Drop.
func (m *Machine) Files() []string { return m.st.files() }

// Active reports whether the device is in a round, or waits to hear how one ended.
func (m *Machine) Active() bool { return m.st.Phase != idle }

// Training reports whether the round waits for the local function alone, so that no connection is needed.
func (m *Machine) Training() bool { return m.st.Phase == training && !m.st.Over }

func (m *Machine) hello() *protocol.Hello {
	h := &protocol.Hello{TreeSize: m.st.TreeSize}
	if m.st.Phase != idle {
		h.Round, h.OpenHash = m.st.Open.Round, m.st.OpenHash
	}
	return h
}

func (m *Machine) receive(now time.Time, msg protocol.Message, out *Output) error {
	switch msg := msg.(type) {
	case *protocol.Welcome:
		return m.welcome(msg, out)
	case *protocol.Offer:
		return m.offered(now, msg, out)
	case *protocol.Roster:
		return m.rostered(msg, out)
	case *protocol.Delivery:
		return m.delivered(msg, out)
	case *protocol.InputState:
		return m.inputState(msg, out)
	case *protocol.Receipt:
		return m.receipted(msg, out)
	case *protocol.Survivors:
		return m.survived(msg, out)
	case *protocol.Confirmed:
		return m.confirmed(msg, out)
	case *protocol.Close:
		return m.closed(msg, out)
	case *protocol.HangUp:
		return nil
	default:
		return refuse(F15Malformed, "the coordinator sent a message of type %d, which has no place here", msg.Type())
	}
}

// giveUp ends the device's part: secrets are erased, the round is remembered as refused, budget stays as it is. It does
// not show before the moment that was fixed if something was drawn.
func (m *Machine) giveUp(r *Refused, out *Output) {
	clear(out.Save)
	*out = Output{Refused: r, After: out.After, Missed: out.Missed}
	if r.Why != None {
		out.HangUp = &protocol.HangUp{Code: protocol.CodeUnexpected, Detail: r.Why.String()}
	}
	m.st.refuse()
	out.Erase = true
	m.save(out)
}

func (m *Machine) save(out *Output) {
	if m.st.Phase != idle && !m.st.Over {
		m.st.Seen = max(m.st.Seen, m.passed(m.now))
	}
	clear(out.Save) // of the same step
	out.Save = m.st.encode()
}

// welcome checks that this device's own last signed header is not ahead of its ledger: then the ledger is an old copy,
// which counts as spent (privacy 8.2).
func (m *Machine) welcome(msg *protocol.Welcome, out *Output) error {
	if _, err := m.follow(msg.Evidence); err != nil {
		return err
	}
	m.save(out)
	if len(msg.LastHeader) == 0 {
		return nil
	}
	parsed, err := protocol.Parse(protocol.TypeInput, msg.LastHeader)
	if err != nil {
		return refuse(F15Malformed, "welcome: last header: %v", err)
	}
	header := parsed.(*protocol.Input)
	if header.Verify(m.ownVerifier(len(header.SigPQ) > 0)) != nil {
		return refuse(F07BadKey, "welcome: the last header is not signed by this device")
	}
	m.st.Signed = max(m.st.Signed, header.LedgerSeq)
	m.save(out)
	m.vouched = true // it is this device's own; what it says is held against the ledger here and at every offer
	return m.checkLedger()
}

// Vouched reports that the coordinator has shown this device's last header, and that the ledger reaches as far.
func (m *Machine) Vouched() bool { return m.vouched && m.checkLedger() == nil }

// signer signs in the round's suite.
func (m *Machine) signer() protocol.Signer {
	if m.st.Open.Sig == protocol.SigHybrid && m.pq == nil {
		_, m.pq = protocol.MLDSAKey(m.cfg.Key)
	}
	s := protocol.Signer{Ed: m.cfg.Key}
	if m.st.Open.Sig == protocol.SigHybrid {
		s.PQ = m.pq
	}
	return s
}

// ownVerifier checks what this device signed, in whichever suite that was.
func (m *Machine) ownVerifier(hybrid bool) protocol.Verifier {
	v := protocol.Verifier{Ed: m.cfg.Cert.IDPK[:]}
	if hybrid {
		v.PQ, _ = protocol.MLDSAKey(m.cfg.Key)
	}
	return v
}

// coordinator checks S's receipts in the round's suite.
func (m *Machine) coordinator() protocol.Verifier {
	v := protocol.Verifier{Ed: m.cfg.Coordinator}
	if m.st.Open.Sig == protocol.SigHybrid {
		v.PQ = m.cfg.CoordinatorPQ
	}
	return v
}

// checkLedger wants the ledger to reach as far as this device's signatures and its counter do.
func (m *Machine) checkLedger() error {
	return reaches(m.ledger, m.st.Signed, m.cfg.Reached, m.cfg.Uncounted && !m.vouched)
}

func reaches(l *privacy.Ledger, signed, reached uint64, uncounted bool) error {
	seq, _ := l.Head()
	switch {
	case signed > seq:
		return refuse(F10Budget, "this device signed ledger entry %d before, and its ledger ends at %d: an old copy counts as spent; "+
			"start a new period with `cinesyncd budget --new-period`", signed, seq)
	case reached > seq:
		return refuse(F10Budget, "this device's ledger had reached entry %d, as the counter outside its folder says, and it ends at %d: an old copy counts as spent; "+
			"put the newest copy back, or start a new period with `cinesyncd budget --new-period`", reached, seq)
	case uncounted:
		return refuse(F10Budget, "the counter outside this device's folder is missing, so its ledger may be an old copy and counts as spent: put the counter back, "+
			"let the coordinator show this device's last header at a check-in (`cinesyncd run`), or start a new period with `cinesyncd budget --new-period`")
	}
	return nil
}

// CheckLedger holds a ledger against a saved state and a counter, as the machine does before a round: an old copy, which counts as spent,
// gives the refusal F10.
func CheckLedger(saved []byte, l *privacy.Ledger, reached uint64, uncounted bool) error {
	signed, err := Signed(saved)
	if err != nil {
		return err
	}
	return reaches(l, signed, reached, uncounted)
}
