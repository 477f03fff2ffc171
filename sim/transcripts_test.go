package sim

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/protocol"
)

// transcripts lists the rounds that are written down, each with a member lost where that can be borne.
func transcripts() map[string]struct {
	about string
	cfg   Config
} {
	suite := func(kex, prg, bits uint16) aggregation.Suite {
		return aggregation.Suite{Kex: kex, PRG: prg, WordBits: bits}
	}
	lost := map[Step]int{AtInput: 1}
	type c = struct {
		about string
		cfg   Config
	}
	return map[string]c{
		"witnessed": {"mode W, X25519, AES-128, 32 bits, Ed25519; four members, one lost before its vector",
			Config{Seed: 1, Devices: 4, Min: 3, DeltaBP: 2500, D: 12, Mode: aggregation.ModeW, Lose: lost}},
		"consistency": {"mode SM, X25519, AES-256, 32 bits, Ed25519; five members, one lost before its vector",
			Config{Seed: 1, Devices: 5, Min: 3, DeltaBP: 2000, D: 12, Mode: aggregation.ModeSM, Suite: suite(1, 2, 32), Lose: lost}},
		"hybrid": {"mode W, X25519 + X-Wing, AES-128, 32 bits, Ed25519 + ML-DSA-44; four members, one lost before its vector",
			Config{Seed: 1, Devices: 4, Min: 3, DeltaBP: 2500, D: 12, Mode: aggregation.ModeW, Suite: suite(2, 1, 32), Sig: 2, Lose: lost}},
		"packed": {"mode W, X25519, ChaCha20, 16 bits, Ed25519; four members, one lost before its vector",
			Config{Seed: 1, Devices: 4, Min: 3, DeltaBP: 2500, D: 12, Mode: aggregation.ModeW, Suite: suite(1, 3, 16), Lose: lost}},
		"cohorts": {"mode W, X25519, AES-128, 32 bits, Ed25519; eight members in two cohorts",
			Config{Seed: 1, Devices: 8, Min: 3, DeltaBP: 2000, D: 12, Mode: aggregation.ModeW, Cohorts: 2}},
		"clip-bit": {"mode W, X25519, AES-128, 24 bits, Ed25519, with a clip bit; seven members, one lost before its vector",
			Config{Seed: 1, Devices: 7, Min: 6, DeltaBP: 1500, D: 12, Mode: aggregation.ModeW, Suite: suite(1, 1, 24), ClipBit: true, Lose: lost}},
	}
}

// TestTranscripts records every round again from its seed, compares with what is written down, and replays that to the real
// device: the same bytes come out.
func TestTranscripts(t *testing.T) {
	for name, c := range transcripts() {
		t.Run(name, func(t *testing.T) {
			now := record(t, c.cfg, c.about)
			if *update {
				writeVectors(t, name+".json", now)
			}
			var tr transcript
			readVectors(t, name+".json", &tr)
			if fmt.Sprint(*now) != fmt.Sprint(tr) {
				t.Error("the round gives another transcript; read the difference after -update")
			}
			p := tr.play(t)
			for i, s := range tr.Steps {
				if err := s.differs(p.step(t, s)); err != nil {
					t.Fatalf("step %d (%s): %v", i, s.Event, err)
				}
			}
			if !slices.ContainsFunc(tr.Steps, func(s transcriptStep) bool {
				return slices.ContainsFunc(s.Sends, func(f hexes) bool { return f[3] == byte(protocol.TypeReveal) })
			}) {
				t.Error("the device does not reveal: its transcript is not of a whole round")
			}
		})
	}
}

// refusal is a transcript whose message at one step was changed, and what the device answers.
type refusal struct {
	Transcript string `json:"transcript"`
	Step       int    `json:"step"`  // whose frame is changed; those before are as they are
	Again      bool   `json:"again"` // the frame comes after the step instead of in its place
	Why        string `json:"why"`
	Event      string `json:"event,omitempty"` // "message" if not said
	Frame      hexes  `json:"frame,omitempty"`
	Hash       hexes  `json:"hash,omitempty"` // of the model that arrived
	Refused    string `json:"refused"`
}

// changes lists what a hostile coordinator does to single messages.
func changes() []struct {
	transcript string
	typ        protocol.Type
	again      bool
	why        string
	refused    participant.Refusal
	change     func(protocol.Message)
} {
	type change = struct {
		transcript string
		typ        protocol.Type
		again      bool
		why        string
		refused    participant.Refusal
		change     func(protocol.Message)
	}
	return []change{
		{"witnessed", protocol.TypeOffer, false, "a cosignature does not verify", participant.F01BadProof, func(m protocol.Message) {
			note := m.(*protocol.Offer).Evidence.Checkpoint
			note[len(note)-4] ^= 1
		}},
		{"witnessed", protocol.TypeOffer, false, "the witnesses' lines are missing", participant.F01BadProof, func(m protocol.Message) {
			ev := &m.(*protocol.Offer).Evidence
			lines := bytes.SplitAfter(ev.Checkpoint, []byte("\n"))
			ev.Checkpoint = bytes.Join(lines[:5], nil)
		}},
		{"witnessed", protocol.TypeOffer, false, "the RoundOpen's entry was changed: λ is 1 less", participant.F01BadProof, func(m protocol.Message) {
			e := m.(*protocol.Offer).Evidence.Entries
			e[len(e)-1].Entry[4+8+8+5*32+4+2+4+5*2+2*2+1]--
		}},
		{"witnessed", protocol.TypeOffer, false, "the local function is not the one that was logged", participant.F05UnknownCode, func(m protocol.Message) {
			m.(*protocol.Offer).Code[0] ^= 1
		}},
		{"witnessed", protocol.TypeRoster, false, "a neighbour's mask key was replaced", participant.F07BadKey, func(m protocol.Message) { m.(*protocol.Roster).Peers[1].Key.SPK[3] ^= 1 }},
		{"witnessed", protocol.TypeRoster, false, "two neighbours are swapped", participant.F08WrongGraph, func(m protocol.Message) {
			p := m.(*protocol.Roster).Peers
			p[1], p[2] = p[2], p[1]
		}},
		{"witnessed", protocol.TypeRoster, false, "the seed's checkpoint is missing", participant.F01BadProof, func(m protocol.Message) {
			r := m.(*protocol.Roster)
			r.SeedCheckpoint, r.SeedProof = nil, nil
		}},
		{"witnessed", protocol.TypeRoster, false, "no entry is shown", participant.F01BadProof, func(m protocol.Message) { m.(*protocol.Roster).Evidence.Entries = nil }},
		{"witnessed", protocol.TypeDelivery, false, "no box opens", participant.F09TooFew, func(m protocol.Message) {
			for i := range m.(*protocol.Delivery).Sealed {
				m.(*protocol.Delivery).Sealed[i][5] ^= 1
			}
		}},
		{"witnessed", protocol.TypeDelivery, false, "fewer boxes than bits", participant.F15Malformed, func(m protocol.Message) {
			d := m.(*protocol.Delivery)
			d.Sealed = d.Sealed[1:]
		}},
		{"witnessed", protocol.TypeDelivery, true, "another delivery after the first", participant.F14AskedTwice, func(m protocol.Message) { m.(*protocol.Delivery).Sealed[0][5] ^= 1 }},
		{"witnessed", protocol.TypeSurvivors, false, "a bit more is set than was logged", participant.F13SurvivorsLie, func(m protocol.Message) { m.(*protocol.Survivors).Bitmap[0] = 0x0f }},
		{"witnessed", protocol.TypeSurvivors, true, "another set after the answer", participant.F14AskedTwice, func(m protocol.Message) {
			s := m.(*protocol.Survivors)
			s.Bitmap[0], s.Evidence.Consistency = s.Bitmap[0]^1, nil // the tree is the one that the device has seen by now
		}},
		{"hybrid", protocol.TypeRoster, false, "a neighbour's X-Wing key was replaced", participant.F07BadKey, func(m protocol.Message) { m.(*protocol.Roster).Peers[1].Key.KEM[9] ^= 1 }},
		{"hybrid", protocol.TypeDelivery, false, "every X-Wing ciphertext of a box is bent", participant.F09TooFew, func(m protocol.Message) {
			for i := range m.(*protocol.Delivery).ShareCTs {
				m.(*protocol.Delivery).ShareCTs[i][5] ^= 1
			}
		}},
		{"consistency", protocol.TypeConfirmed, false, "a neighbour's signature does not verify", participant.F07BadKey, func(m protocol.Message) { m.(*protocol.Confirmed).Confirms[0].Sig[7] ^= 1 }},
		{"consistency", protocol.TypeConfirmed, false, "nobody else confirms", participant.F12ThinSurvivors, func(m protocol.Message) { m.(*protocol.Confirmed).Confirms = nil }},
	}
}

// TestTranscriptsThatMustBeRefused changes one message of each and wants the refusal that the specification names.
func TestTranscriptsThatMustBeRefused(t *testing.T) {
	if *update {
		writeVectors(t, "refused.json", makeRefusals(t))
	}
	var all []refusal
	readVectors(t, "refused.json", &all)
	if made := makeRefusals(t); fmt.Sprint(made) != fmt.Sprint(all) {
		t.Error("other messages would be changed; read the difference after -update")
	}
	for _, r := range all {
		t.Run(r.Why, func(t *testing.T) {
			var tr transcript
			readVectors(t, r.Transcript+".json", &tr)
			p := tr.play(t)
			last := r.Step
			if r.Again {
				last++
			}
			for i, s := range tr.Steps[:last] {
				if err := s.differs(p.step(t, s)); err != nil {
					t.Fatalf("step %d: %v", i, err)
				}
			}
			lie := transcriptStep{At: tr.Steps[r.Step].At, Event: cmp.Or(r.Event, "message"), Frame: r.Frame, Hash: r.Hash}
			got := p.step(t, lie)
			if got.Refused != r.Refused || len(got.Sends) > 0 {
				t.Errorf("refused %q and %d messages, want %q and none", got.Refused, len(got.Sends), r.Refused)
			}
		})
	}
}

func makeRefusals(t *testing.T) []refusal {
	t.Helper()
	var out []refusal
	for _, c := range changes() {
		var tr transcript
		readVectors(t, c.transcript+".json", &tr)
		at := tr.at(t, c.typ)
		m, err := protocol.ReadMessage(bytes.NewReader(tr.Steps[at].Frame), nil)
		if err != nil {
			t.Fatal(err)
		}
		c.change(m)
		out = append(out, refusal{Transcript: c.transcript, Step: at, Again: c.again, Why: c.why, Frame: frame(m), Refused: c.refused.String()[:3]})
	}
	var tr transcript
	readVectors(t, "witnessed.json", &tr)
	wrong := refusal{Transcript: "witnessed", Why: "the file that came is another model", Event: "model", Hash: make([]byte, 32), Refused: participant.F04WrongModel.String()[:3]}
	wrong.Step = slices.IndexFunc(tr.Steps, func(s transcriptStep) bool { return s.Event == wrong.Event })
	return append(append(out, tr.forge(t, "witnessed")...), wrong)
}

// at is the step that brings the first message of a type.
func (tr *transcript) at(t *testing.T, typ protocol.Type) int {
	t.Helper()
	at := slices.IndexFunc(tr.Steps, func(s transcriptStep) bool { return len(s.Frame) > 3 && s.Frame[3] == byte(typ) })
	if at < 0 {
		t.Fatalf("the transcript has no message of type %d", typ)
	}
	return at
}

// TestEveryRefusalIsWrittenDown: whoever writes another client finds each code that a round can show.
func TestEveryRefusalIsWrittenDown(t *testing.T) {
	var all []refusal
	readVectors(t, "refused.json", &all)
	for _, code := range participant.Refusals() {
		if name := code.String()[:3]; !slices.ContainsFunc(all, func(r refusal) bool { return r.Refused == name }) {
			t.Errorf("no message is refused with %v", code)
		}
	}
}
