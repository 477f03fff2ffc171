package secagg

import (
	"crypto/ed25519"
	"fmt"
	"math/bits"
	"strings"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

const (
	maxRoster = protocol.MaxRoster
	maxDim    = protocol.MaxChunks * protocol.ChunkSize / 4
)

// phases encodes what one device and the coordinator send each other in a round without trouble. Contents are zero where a
// length does not depend on them; every length is that of the code which runs rounds. Proofs are as long as the longest.
func (s Shape) phases(d aggregation.Degree) ([]Phase, error) {
	e := envelope{s: s, path: proof(bits.Len(uint(s.Devices - 1))), logPath: proof(bits.Len64(max(s.LogSize, 2) - 1))}
	e.records()
	out := []Phase{
		{Name: "recruit", Down: e.size(&protocol.Offer{Evidence: e.evidence(&audit.PolicyChange{}, e.question(), &audit.RoundOpen{}), Code: make([]byte, typicalCode)})},
		{Name: "keys", Up: e.size(&protocol.Advertise{Key: e.bundle()})},
		{Name: "shares", Down: e.size(e.roster(d.K)), Up: e.size(e.shares(d.K))},
		{Name: "inputs", Down: e.size(e.delivery(d.K)) + e.size(&protocol.InputState{}) + e.size(&protocol.Receipt{SigPQ: e.sig()}), Up: e.size(e.header(d.K)) + e.vector()},
		e.unmask(d.K),
		{Name: "settle", Down: e.size(&protocol.Close{Evidence: e.evidence(&audit.RoundClose{Survivors: make([][32]byte, s.Cohorts), SumHash: make([][32]byte, s.Cohorts)}), InputProof: e.path})},
	}
	return out, e.err
}

// typicalCode is about what the local functions that are compiled in take as bytes.
const typicalCode = 64

// envelope makes messages of a round and adds up their frames.
type envelope struct {
	s             Shape
	path, logPath [][32]byte
	note          []byte
	key           ed25519.PrivateKey
	err           error
}

// records prepares what evidence is made of: a key to seal entries with, and a checkpoint with its cosignatures.
func (e *envelope) records() {
	e.key = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	if e.note, e.err = audit.SignCheckpoint(typicalOrigin, e.key, max(e.s.LogSize, 1), [32]byte{}); e.err != nil {
		return
	}
	var policy audit.WitnessPolicy
	var lines [][]byte
	for i := range e.s.Witnesses {
		seed := make([]byte, ed25519.SeedSize)
		seed[0] = byte(i + 1)
		key := ed25519.NewKeyFromSeed(seed)
		name := fmt.Sprintf("witness-%02d.example.org", i)
		policy.Witnesses = append(policy.Witnesses, audit.Witness{Name: name, Key: key.Public().(ed25519.PublicKey)})
		line, err := audit.Cosign(name, key, e.note, 1)
		if err != nil {
			e.err = err
			return
		}
		lines = append(lines, line)
	}
	if policy.Quorum = e.s.Witnesses; policy.Quorum > 0 {
		e.note, e.err = audit.AddCosignatures(e.note, lines, policy)
	}
}

const typicalOrigin = "coordinator.example.org/log"

func (e *envelope) question() *audit.Question {
	return &audit.Question{ID: "train", Purpose: strings.Repeat("p", 100), Result: strings.Repeat("r", 40)}
}

func (e *envelope) evidence(records ...audit.Record) protocol.Evidence {
	ev := protocol.Evidence{Checkpoint: e.note, Consistency: e.logPath}
	for _, r := range records {
		entry, err := audit.Seal(e.key, r)
		if err != nil && e.err == nil {
			e.err = err
		}
		ev.Entries = append(ev.Entries, protocol.Logged{Entry: entry, Proof: e.logPath})
	}
	return ev
}

// sig and bundle are the post-quantum halves where the round has them.
func (e *envelope) sig() []byte {
	if e.s.Hybrid.Sig {
		return make([]byte, protocol.PQSigSize)
	}
	return nil
}

func (e *envelope) bundle() protocol.KeyBundle {
	k := protocol.KeyBundle{SigPQ: e.sig()}
	if e.s.Hybrid.Sig {
		k.CertPQ = make([]byte, protocol.CertPQSize)
	}
	if e.s.Hybrid.Kex {
		k.KEM = make([]byte, protocol.KEMKeysSize)
	}
	return k
}

// ciphertexts are n encapsulations, if the round has any.
func (e *envelope) ciphertexts(n int) [][protocol.CiphertextSize]byte {
	if e.s.Hybrid.Kex {
		return make([][protocol.CiphertextSize]byte, n)
	}
	return nil
}

// shares has one encapsulation for each box, and one for the mask of each neighbour of a greater index: of half of them, on
// the average over a roster.
func (e *envelope) shares(k int) *protocol.Shares {
	return &protocol.Shares{Sealed: make([][80]byte, k), ShareCTs: e.ciphertexts(k), MaskCTs: e.ciphertexts(k / 2), SigPQ: e.sig()}
}

// unmask has the round of signatures on the survivors only where no witness stands for them (9.2).
func (e *envelope) unmask(k int) Phase {
	p := Phase{Name: "unmask", Down: e.size(e.survivors()), Up: e.size(&protocol.Reveal{HasOwn: 1, SelfShares: make([]protocol.PeerShare, k), SigPQ: e.sig()})}
	if e.s.Mode == aggregation.ModeSM {
		all := &protocol.Confirmed{Confirms: make([]protocol.PeerConfirm, k)}
		for i := range all.Confirms {
			all.Confirms[i].SigPQ = e.sig()
		}
		p.Up += e.size(&protocol.Confirm{SigPQ: e.sig()})
		p.Down += e.size(all)
	}
	return p
}

func (e *envelope) roster(k int) *protocol.Roster {
	m := &protocol.Roster{Evidence: e.evidence(&audit.Roster{}), Peers: make([]protocol.PeerKeys, k+1)}
	if e.s.Mode == aggregation.ModeW { // the checkpoint that the graph is drawn from
		m.SeedCheckpoint, m.SeedProof = e.note, e.logPath
	}
	for i := range m.Peers {
		m.Peers[i].Key, m.Peers[i].Proof = e.bundle(), e.path
	}
	return m
}

func (e *envelope) delivery(k int) *protocol.Delivery {
	return &protocol.Delivery{Present: bitmap(k), Sealed: make([][80]byte, k), ShareCTs: e.ciphertexts(k), MaskCTs: e.ciphertexts(k / 2)}
}

func (e *envelope) header(k int) *protocol.Input {
	chunks := (e.s.vectorBytes() + protocol.ChunkSize - 1) / protocol.ChunkSize
	return &protocol.Input{MaskedWith: bitmap(k), Chunks: make([][32]byte, chunks), SigPQ: e.sig()}
}

// survivors shows the records of all cohorts, which lie between the roster and the last of them.
func (e *envelope) survivors() *protocol.Survivors {
	records := make([]audit.Record, e.s.Cohorts)
	for i := range records {
		records[i] = &audit.Survivors{}
	}
	return &protocol.Survivors{Evidence: e.evidence(records...), Bitmap: bitmap(e.s.Devices)}
}

// vector is the masked vector in chunks.
func (e *envelope) vector() int64 {
	left := e.s.vectorBytes()
	full := e.size(&protocol.Chunk{Data: make([]byte, protocol.ChunkSize)})
	total := left / protocol.ChunkSize * full
	if rest := left % protocol.ChunkSize; rest > 0 {
		total += e.size(&protocol.Chunk{Data: make([]byte, rest)})
	}
	return total
}

// size is a message's frame in bytes. One that the protocol cannot carry is an error that says which.
func (e *envelope) size(m protocol.Message) int64 {
	frame, err := protocol.AppendFrame(nil, m)
	if err != nil && e.err == nil {
		e.err = fmt.Errorf("a round of this shape cannot be run: %w", err)
	}
	return int64(len(frame))
}

func bitmap(n int) []byte { return make([]byte, (n+7)/8) }

func proof(n int) [][32]byte { return make([][32]byte, n) }
