package hostile

import (
	"crypto/ed25519"
	"fmt"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
)

// Witness is one that the devices pin. An honest one signs a tree only if it extends what it signed before; a corrupt one signs
// whatever S asks for. Up to a quorum less one may be corrupt.
type Witness struct {
	name    string
	key     ed25519.PrivateKey
	corrupt bool
	size    uint64 // of the tree it signed last
	root    [32]byte
}

const witnesses, quorum = 3, 2

// newWitnesses are the witnesses of mode W; the others have none.
func newWitnesses(mode aggregation.Mode) (list []*Witness, policy audit.WitnessPolicy) {
	if mode != aggregation.ModeW {
		return nil, policy
	}
	for i := range witnesses {
		w := &Witness{name: fmt.Sprintf("witness-%d.example", i), key: keyOf(fmt.Sprint("witness ", i))}
		list = append(list, w)
		policy.Witnesses = append(policy.Witnesses, audit.Witness{Name: w.name, Key: publicOf(w.key)})
	}
	policy.Quorum = quorum
	return list, policy
}

// follow reports whether an honest witness signs this tree.
func (w *Witness) follow(l *Ledger) bool {
	size := l.tree.Size()
	root := l.tree.Root(size)
	if w.size > 0 {
		if size < w.size {
			return false
		}
		proof, err := l.tree.Consistency(w.size, size)
		if err != nil || audit.CheckConsistency(proof, w.size, w.root, size, root) != nil {
			return false
		}
	}
	w.size, w.root = size, root
	return true
}

// checkpoint is the head of a log, with the cosignatures that S can get for it.
func (s *Coordinator) checkpoint(l *Ledger) ([]byte, error) {
	size := l.tree.Size()
	note, err := audit.SignCheckpoint(origin, keyOf("log"), size, l.tree.Root(size))
	if err != nil || len(s.Witnesses) == 0 {
		return note, err
	}
	var lines [][]byte
	for _, w := range s.Witnesses {
		if !w.corrupt && !w.follow(l) {
			continue
		}
		line, err := audit.Cosign(w.name, w.key, note, uint64(s.now.Unix()+s.witnessClock))
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return audit.AddCosignatures(note, lines, s.Policy)
}

// seedOf is the graph's seed of a roster: of a checkpoint's cosignatures in mode W, if it has a quorum.
func (s *Coordinator) seedOf(openHash, rosterHash [32]byte, note []byte) [32]byte {
	var cosigs [][]byte
	if len(s.Witnesses) > 0 {
		if c, err := s.Policy.Open(origin, publicOf(keyOf("log")), note); err == nil {
			cosigs = c.Cosigs
		}
	}
	return aggregation.GraphSeed(openHash, rosterHash, cosigs...)
}

// Corrupt lets witnesses sign whatever S asks for.
func (s *Coordinator) Corrupt(n int) {
	for _, w := range s.Witnesses[:n] {
		w.corrupt = true
	}
}
