package round

import (
	"crypto/sha256"
	"fmt"

	"github.com/cinesync/cinesync/aggregation"
)

// Vector is a masked vector that is durable as a whole, or the wish to leave one out again.
type Vector struct {
	ID     [32]byte // of the device
	YHash  [32]byte // SHA-256 of the vector as it came
	Cohort int
	Out    bool // it is not among the survivors after all
}

// Fold is the running sum of a cohort's masked vectors: one vector of memory, however many are in it (secure aggregation 10.6). It knows
// whose vectors it holds, and holds each at most once. It is for one goroutine.
type Fold struct {
	shape aggregation.Shape
	acc   aggregation.Accumulator
	held  map[[32]byte][32]byte // what was added, by device
}

// NewFold makes an empty sum of vectors of one shape, which acc adds up.
func NewFold(shape aggregation.Shape, acc aggregation.Accumulator) *Fold {
	return &Fold{shape: shape, acc: acc, held: map[[32]byte][32]byte{}}
}

// Holds reports whether the sum has this very vector in it.
func (f *Fold) Holds(v Vector) bool {
	hash, ok := f.held[v.ID]
	return ok && hash == v.YHash
}

// Add adds the vector y, unless it is in the sum already. It refuses with ErrVector bytes that are not the vector v names.
func (f *Fold) Add(v Vector, y []byte) error {
	if f.Holds(v) {
		return nil
	}
	if _, other := f.held[v.ID]; other {
		return fmt.Errorf("%w: another one of this device is in the sum", ErrVector)
	}
	if err := f.check(v, y); err != nil {
		return err
	}
	if err := f.acc.AddVector(y); err != nil {
		return fmt.Errorf("add masked vector: %w", err)
	}
	f.held[v.ID] = v.YHash
	return nil
}

// Remove takes the vector y out again, if it is in the sum. It refuses with ErrVector bytes that are not what was added.
func (f *Fold) Remove(v Vector, y []byte) error {
	if !f.Holds(v) {
		return nil
	}
	if err := f.check(v, y); err != nil {
		return err
	}
	back, err := aggregation.Negated(y, f.shape.WordBits)
	if err != nil {
		return fmt.Errorf("take masked vector out: %w", err)
	}
	if err := f.acc.AddVector(back); err != nil {
		return fmt.Errorf("take masked vector out: %w", err)
	}
	delete(f.held, v.ID)
	return nil
}

// Put adds or removes, as v says.
func (f *Fold) Put(v Vector, y []byte) error {
	if v.Out {
		return f.Remove(v, y)
	}
	return f.Add(v, y)
}

// Complete makes the sum that of exactly this set, with vectors read one at a time; each may use the memory of the one before.
func (f *Fold) Complete(set []Survivor, read func(id [32]byte) ([]byte, error)) error {
	for _, v := range f.Differs(set) {
		y, err := read(v.ID)
		if err != nil {
			return err
		}
		if err := f.Put(v, y); err != nil {
			return err
		}
	}
	return nil
}

func (f *Fold) check(v Vector, y []byte) error {
	if len(y) != f.shape.Bytes() || sha256.Sum256(y) != v.YHash {
		return fmt.Errorf("%w: %d bytes whose hash is not the receipted one", ErrVector, len(y))
	}
	return nil
}

// Differs lists what has to be added, and taken out with Out set, before the sum is that of exactly this set.
func (f *Fold) Differs(set []Survivor) []Vector {
	var out []Vector
	want := make(map[[32]byte]bool, len(set))
	for _, s := range set {
		want[s.ID] = true
		if v := (Vector{ID: s.ID, YHash: s.YHash}); !f.Holds(v) {
			out = append(out, v)
		}
	}
	for id, hash := range f.held {
		if !want[id] {
			out = append(out, Vector{ID: id, YHash: hash, Out: true})
		}
	}
	return out
}
