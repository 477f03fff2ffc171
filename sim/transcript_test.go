package sim

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// Transcripts are what one device heard, drew and sent in a whole round, for whoever writes another client. testdata/vectors
// has a page that explains them.

type hexes []byte

func (h hexes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

type transcript struct {
	About  string `json:"about"`
	Device struct {
		Seed          hexes  `json:"seed"` // of its Ed25519 key
		Cert          hexes  `json:"cert"`
		CertPQ        hexes  `json:"cert_pq"`
		Authority     hexes  `json:"authority"`
		AuthorityPQ   hexes  `json:"authority_pq"`
		Coordinator   hexes  `json:"coordinator"`
		CoordinatorPQ hexes  `json:"coordinator_pq"`
		LogOrigin     string `json:"log_origin"`
		LogKey        hexes  `json:"log_key"`
		Witnesses     string `json:"witnesses"`
		DemoRounds    uint32 `json:"demo_rounds"`
	} `json:"device"`
	Noised hexes            `json:"noised"` // little-endian words of 32 bits
	Steps  []transcriptStep `json:"steps"`
}

type transcriptStep struct {
	At      int64   `json:"at"`
	Event   string  `json:"event"` // connected, message, model, trained, more
	Frame   hexes   `json:"frame,omitempty"`
	Hash    hexes   `json:"hash,omitempty"`   // of the model that arrived, or of the layout that was trained
	Update  hexes   `json:"update,omitempty"` // little-endian float32
	Random  []hexes `json:"random,omitempty"` // what the device drew, in order
	Sends   []hexes `json:"sends,omitempty"`  // frames
	Refused string  `json:"refused,omitempty"`
}

// write down what device 0 of a world does.
func record(t *testing.T, cfg Config, about string) *transcript {
	t.Helper()
	w, err := newWorld(cfg)
	if err != nil {
		t.Fatal(err)
	}
	tr, d := &transcript{About: about}, w.devices[0]
	tr.pin(d)
	w.watch = func(who *device, e participant.Event, out participant.Output) {
		if who != d {
			return
		}
		if e.Trained != nil { // what it was told is erased by now
			e.Trained = &participant.Trained{LayoutHash: e.Trained.LayoutHash, Update: participant.Floats(who.update())}
		}
		tr.Steps = append(tr.Steps, stepOf(w.now, e, out, who.random.reads))
		if out.Entry != nil {
			words, err := out.Noised.Read(who.scratch)
			if err != nil {
				t.Error(err)
			}
			for _, v := range words {
				tr.Noised = binary.LittleEndian.AppendUint32(tr.Noised, v)
			}
		}
	}
	out, err := w.run()
	if err != nil {
		t.Fatal(err)
	}
	if r := out.Rounds[0]; !r.Done || !r.SumOK {
		t.Fatalf("%+v", r)
	}
	return tr
}

func (tr *transcript) pin(d *device) {
	v := &tr.Device
	cert := d.cfg.Cert.Bytes()
	v.Seed, v.Cert, v.CertPQ = d.cfg.Key.Seed(), cert[:], d.cfg.CertPQ
	v.Authority, v.Coordinator, v.LogKey = hexes(d.cfg.Authority), hexes(d.cfg.Coordinator), hexes(d.cfg.LogKey)
	v.AuthorityPQ, v.CoordinatorPQ = packed(d.cfg.AuthorityPQ), packed(d.cfg.CoordinatorPQ)
	v.LogOrigin, v.DemoRounds = d.cfg.LogOrigin, uint32(d.w.cfg.Rounds)
	if len(d.cfg.Witnesses.Witnesses) > 0 {
		v.Witnesses = string(d.cfg.Witnesses.Text())
	}
}

func packed(k *protocol.PQPublicKey) hexes {
	if k == nil {
		return nil
	}
	b, err := k.MarshalBinary()
	if err != nil {
		panic(err) // a key that was made encodes
	}
	return b
}

func stepOf(at time.Time, e participant.Event, out participant.Output, reads [][]byte) transcriptStep {
	s := transcriptStep{At: at.Unix()}
	switch {
	case e.Connected:
		s.Event, reads = "connected", nil
	case e.Msg != nil:
		s.Event, s.Frame = "message", frame(e.Msg)
	case e.Model != nil:
		s.Event, s.Hash = "model", e.Model.Hash[:]
	case e.Trained != nil:
		s.Event, s.Hash = "trained", e.Trained.LayoutHash[:]
		for _, v := range e.Trained.Update.(participant.Floats) {
			s.Update = binary.LittleEndian.AppendUint32(s.Update, math.Float32bits(v))
		}
	default:
		s.Event = "more"
	}
	for _, r := range reads {
		s.Random = append(s.Random, r)
	}
	for _, m := range out.Send {
		s.Sends = append(s.Sends, frame(m))
	}
	if out.Refused != nil {
		s.Refused = out.Refused.Why.String()[:3]
	}
	return s
}

func frame(m protocol.Message) hexes {
	var b bytes.Buffer
	if err := protocol.WriteMessage(&b, m); err != nil {
		panic(err) // our own messages are within their limits
	}
	return b.Bytes()
}

// player replays a transcript to the real machine.
type player struct {
	machine *participant.Machine
	ledger  *privacy.Ledger
	open    [32]byte
}

func (tr *transcript) play(t *testing.T) *player {
	t.Helper()
	v := &tr.Device
	cert, err := protocol.ParseCert(v.Cert)
	if err != nil {
		t.Fatal(err)
	}
	cfg := participant.Config{Key: ed25519.NewKeyFromSeed(v.Seed), Cert: cert, CertPQ: v.CertPQ, Authority: ed25519.PublicKey(v.Authority), Coordinator: ed25519.PublicKey(v.Coordinator),
		AuthorityPQ: unpacked(t, v.AuthorityPQ), CoordinatorPQ: unpacked(t, v.CoordinatorPQ), LogOrigin: v.LogOrigin, LogKey: ed25519.PublicKey(v.LogKey),
		Floor: participant.Demo(v.DemoRounds), Scratch: participant.NewMemory()}
	if v.Witnesses != "" {
		if cfg.Witnesses, err = audit.ParseWitnessPolicy([]byte(v.Witnesses)); err != nil {
			t.Fatal(err)
		}
	}
	var random bytes.Buffer
	for _, s := range tr.Steps {
		for _, r := range s.Random {
			random.Write(r)
		}
	}
	cfg.Random = &random
	p := &player{ledger: privacy.NewLedger(cfg.Floor.Limits())}
	if p.machine, err = participant.New(cfg, p.ledger, nil); err != nil {
		t.Fatal(err)
	}
	return p
}

func unpacked(t *testing.T, b []byte) *protocol.PQPublicKey {
	t.Helper()
	if len(b) == 0 {
		return nil
	}
	k := new(protocol.PQPublicKey)
	if err := k.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	return k
}

// step gives the machine one step's event, and what came of it as a step.
func (p *player) step(t *testing.T, s transcriptStep) transcriptStep {
	t.Helper()
	var e participant.Event
	switch s.Event {
	case "connected":
		e.Connected = true
	case "model":
		e.Model = &participant.ModelReady{Hash: [32]byte(s.Hash)}
	case "trained":
		update := make(participant.Floats, len(s.Update)/4)
		for i := range update {
			update[i] = math.Float32frombits(binary.LittleEndian.Uint32(s.Update[4*i:]))
		}
		e.Trained = &participant.Trained{OpenHash: p.open, LayoutHash: [32]byte(s.Hash), Update: update}
	case "message":
		m, err := protocol.ReadMessage(bytes.NewReader(s.Frame), nil)
		if err != nil {
			t.Fatal(err)
		}
		e.Msg = m
	case "more":
		e.More = true
	}
	out := p.machine.Step(time.Unix(s.At, 0), e)
	if out.Train != nil {
		p.open = out.Train.OpenHash
	}
	if out.Entry != nil {
		if err := p.ledger.Apply(*out.Entry); err != nil {
			t.Fatal(err)
		}
	}
	e.Trained = nil // it is erased by now
	return stepOf(time.Unix(s.At, 0), e, out, nil)
}

func (s transcriptStep) differs(got transcriptStep) error {
	if s.Refused != got.Refused {
		return fmt.Errorf("refused %q, want %q", got.Refused, s.Refused)
	}
	if len(s.Sends) != len(got.Sends) {
		return fmt.Errorf("%d messages are sent, want %d", len(got.Sends), len(s.Sends))
	}
	for i := range s.Sends {
		if !bytes.Equal(s.Sends[i], got.Sends[i]) {
			return fmt.Errorf("message %d differs", i)
		}
	}
	return nil
}

const vectorsFolder = "../testdata/vectors"

func readVectors(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(vectorsFolder, name))
	if errors.Is(err, os.ErrNotExist) {
		t.Fatalf("%v; write it with go test ./sim -run TestTranscripts -update", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func writeVectors(t *testing.T, name string, v any) {
	t.Helper()
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(vectorsFolder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(vectorsFolder, name), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
