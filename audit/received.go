package audit

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
)

// ReceiptRules is what checking a receipt needs from the package that owns its messages. Both functions must be set.
type ReceiptRules struct {
	// CheckCert verifies that the authority issued the coordinator's certificate, as Rules.CheckCert does, its second half included
	// where it has one.
	CheckCert func(authority, cert []byte) (Coordinator, error)
	// OpenReceipt reads a receipt message and verifies every signature on it by the certificate's keys.
	OpenReceipt func(cert, receipt []byte) (Receipted, error)
}

// Receipted is what S's receipt says: it holds the vector of this member of this session.
type Receipted struct {
	SID   [32]byte
	Index uint32 // in the roster
	YHash [32]byte
}

// ReceiptPins is what whoever checks a receipt knows from elsewhere.
type ReceiptPins struct {
	Authority []byte // the enrolment authority's key
	Origin    string
	LogKey    ed25519.PublicKey
	Witnesses WitnessPolicy // zero: the checkpoints are the log's word alone
}

// ReceiptResult is what a receipt proves: the vector with this hash is one of Count whose sum SumHash names.
type ReceiptResult struct {
	Receipted
	Open      [32]byte // open_hash of the round
	Cohort    uint32
	Count     uint32
	SumHash   [32]byte
	ModelOut  [32]byte
	Size      uint64   // of the newest tree
	Witnesses []string // that vouch for the newest tree; nil without a policy
	Time      uint64   // least time of their cosignatures on it, Unix seconds; 0 without a policy
}

// Verify checks the whole of it: the certificate, S's signatures, every checkpoint and that each tree extends the one before, both entries
// and their places, and the vector's path. An error says which of them does not hold.
func (f *ReceiptFile) Verify(rules ReceiptRules, pins ReceiptPins) (ReceiptResult, error) {
	r, err := f.verify(rules, pins)
	if err != nil {
		return ReceiptResult{}, fmt.Errorf("verify receipt: %w", err)
	}
	return r, nil
}

func (f *ReceiptFile) verify(rules ReceiptRules, pins ReceiptPins) (out ReceiptResult, err error) {
	coordinator, err := rules.CheckCert(pins.Authority, f.Coordinator)
	if err != nil {
		return out, fmt.Errorf("the coordinator's certificate: %w", err)
	}
	if out.Receipted, err = rules.OpenReceipt(f.Coordinator, f.Receipt); err != nil {
		return out, err
	}
	trees, err := f.checkTrees(pins)
	if err != nil {
		return out, err
	}
	newest := trees[len(trees)-1]
	out.Size, out.Witnesses, out.Time = newest.Size, newest.Names, newest.Time
	sealed, err := openProved(f.Survivors, trees, coordinator)
	if err != nil {
		return out, fmt.Errorf("the Survivors: %w", err)
	}
	closing, err := openProved(f.Close, trees, coordinator)
	if err != nil {
		return out, fmt.Errorf("the RoundClose: %w", err)
	}
	survivors, ok := sealed.(*Survivors)
	if !ok {
		return out, fmt.Errorf("a %v stands where the Survivors belong", KindOf(sealed))
	}
	closed, ok := closing.(*RoundClose)
	if !ok {
		return out, fmt.Errorf("a %v stands where the RoundClose belongs", KindOf(closing))
	}
	if err := f.checkRound(out.Receipted, survivors, closed); err != nil {
		return out, err
	}
	out.Open, out.Cohort, out.Count = survivors.Open, survivors.Cohort, survivors.Count
	out.SumHash, out.ModelOut = closed.SumHash[survivors.Cohort], closed.ModelOut
	return out, nil
}

// checkTrees opens every checkpoint and holds each tree against the one before it.
func (f *ReceiptFile) checkTrees(pins ReceiptPins) ([]Cosigned, error) {
	if len(f.Trees) == 0 {
		return nil, errors.New("there is no checkpoint")
	}
	var out []Cosigned
	for i, t := range f.Trees {
		var c Cosigned
		var err error
		if pins.Witnesses.IsZero() {
			c.Checkpoint, err = OpenSigned(pins.Origin, pins.LogKey, t.Checkpoint)
		} else {
			c, err = pins.Witnesses.Open(pins.Origin, pins.LogKey, t.Checkpoint)
		}
		if err != nil {
			return nil, fmt.Errorf("checkpoint %d: %w", i, err)
		}
		if i == 0 && len(t.Consistency) > 0 {
			return nil, errors.New("the first checkpoint comes with a consistency proof, and there is none before it")
		}
		if i > 0 {
			if err := CheckConsistency(t.Consistency, out[i-1].Size, out[i-1].Root, c.Size, c.Root); err != nil {
				return nil, fmt.Errorf("checkpoint %d: %w", i, err)
			}
		}
		out = append(out, c)
	}
	return out, nil
}

func openProved(e ProvedEntry, trees []Cosigned, coordinator Coordinator) (Record, error) {
	if uint64(e.Tree) >= uint64(len(trees)) {
		return nil, fmt.Errorf("it is said to lie in tree %d of %d", e.Tree, len(trees))
	}
	r, err := OpenEntry(coordinator.Key[:], e.Entry)
	if err != nil {
		return nil, err
	}
	t := trees[e.Tree]
	return r, CheckInclusion(e.Proof, t.Size, t.Root, e.Index, LeafHash(e.Entry))
}

// checkRound holds the two records against each other and the receipt against them.
func (f *ReceiptFile) checkRound(said Receipted, s *Survivors, r *RoundClose) error {
	switch {
	case s.SID != said.SID:
		return fmt.Errorf("the receipt is of session %x, the Survivors are of %x", said.SID[:8], s.SID[:8])
	case r.Open != s.Open || r.Roster != s.Roster:
		return errors.New("the RoundClose is of another round than the Survivors")
	case uint64(s.Cohort) >= uint64(len(r.Survivors)) || r.Survivors[s.Cohort] != LeafHash(f.Survivors.Entry):
		return fmt.Errorf("the RoundClose does not name these Survivors as those of cohort %d", s.Cohort)
	case f.Close.Index <= f.Survivors.Index:
		return fmt.Errorf("the RoundClose, entry %d, is not after the Survivors, entry %d", f.Close.Index, f.Survivors.Index)
	}
	leaf := append(binary.BigEndian.AppendUint32(nil, said.Index), said.YHash[:]...)
	if err := CheckMerkle(f.InputProof, int(s.Count), int(f.InputIndex), s.InputsRoot, leaf); err != nil {
		return fmt.Errorf("the vector is not among the %d that were summed: %w", s.Count, err)
	}
	return nil
}
