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
		{Name: "keys", Up: e.size(&protocol.Advertise{})},
		{Name: "shares", Down: e.size(e.roster(d.K)), Up: e.size(&protocol.Shares{Sealed: make([][80]byte, d.K)})},
		{Name: "inputs", Down: e.size(e.delivery(d.K)) + e.size(&protocol.InputState{}) + e.size(&protocol.Receipt{}), Up: e.size(e.header(d.K)) + e.vector()},
		{Name: "unmask", Down: e.size(e.survivors()), Up: e.size(&protocol.Reveal{HasOwn: 1, SelfShares: make([]protocol.PeerShare, d.K)})},
		{Name: "settle", Down: e.size(&protocol.Close{Evidence: e.evidence(&audit.RoundClose{Survivors: make([][32]byte, 1), SumHash: make([][32]byte, 1)}), InputProof: e.path})},
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

func (e *envelope) roster(k int) *protocol.Roster {
	m := &protocol.Roster{Evidence: e.evidence(&audit.Roster{}), Peers: make([]protocol.PeerKeys, k+1)}
	for i := range m.Peers {
		m.Peers[i].Proof = e.path
	}
	return m
}

func (e *envelope) delivery(k int) *protocol.Delivery {
	return &protocol.Delivery{Present: bitmap(k), Sealed: make([][80]byte, k)}
}

func (e *envelope) header(k int) *protocol.Input {
	chunks := (e.s.vectorBytes() + protocol.ChunkSize - 1) / protocol.ChunkSize
	return &protocol.Input{MaskedWith: bitmap(k), Chunks: make([][32]byte, chunks)}
}

func (e *envelope) survivors() *protocol.Survivors {
	return &protocol.Survivors{Evidence: e.evidence(&audit.Survivors{}), Bitmap: bitmap(e.s.Devices)}
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
