package model

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Local is the local function of a round: what a device computes on its own history. Its canonical bytes are hashed into
// the round (code_hash), so that a device knows exactly what it was asked for.
type Local struct {
	Name      string // the family, or popularity
	Version   uint32
	Steps     uint32  // SGD steps
	Cuts      uint32  // random cut points a step
	Next      uint32  // targets after each cut
	Negatives uint32  // sampled negatives a cut; 0: the whole catalogue
	Dropout   float32 // share of the history left out at each cut
	Rate      float32 // of item vectors and biases
	RateDense float32 // of the small dense tensors
	Rank      uint32  // columns that are uploaded of the item vectors' update; 0: all of them
}

// Limits of a local function: what a device is willing to compute.
const (
	maxSteps = 64
	maxCuts  = 64
	maxNext  = 64
	maxNegs  = 4096
)

// Append writes: u32-prefixed name, u32 version, steps, cuts, next, negatives, f32 dropout, rate, rate of dense tensors, u32 rank.
func (l Local) Append(dst []byte) []byte {
	dst = appendString(dst, l.Name)
	for _, v := range []uint32{l.Version, l.Steps, l.Cuts, l.Next, l.Negatives, math.Float32bits(l.Dropout), math.Float32bits(l.Rate), math.Float32bits(l.RateDense), l.Rank} {
		dst = binary.BigEndian.AppendUint32(dst, v)
	}
	return dst
}

// Words is how many coordinates the function answers with on a model of this layout: the d of its question and of its rounds
// (docs/spec/log.md).
func (l Local) Words(layout Layout) int {
	if l.Name == PopularityFunction {
		return len(layout.Items)
	}
	return uplinkWords(layout, l.Rank)
}

// Uplink is the form in which updates travel in a round that starts from the model file with this SHA-256.
func (l Local) Uplink(layout Layout, start [32]byte) *Uplink { return NewUplink(layout, l.Rank, start) }

// Hash is code_hash.
func (l Local) Hash() [32]byte { return sha256.Sum256(l.Append(nil)) }

// ParseLocal reads what Append wrote, and refuses a function that is unknown or asks for too much.
func ParseLocal(b []byte) (Local, error) {
	c := &cursor{b: b}
	l := Local{Name: c.text(maxNameBytes, "name")}
	for _, f := range []struct {
		name string
		v    *uint32
		most uint32
	}{{"version", &l.Version, 1}, {"steps", &l.Steps, maxSteps}, {"cuts", &l.Cuts, maxCuts}, {"next", &l.Next, maxNext}, {"negatives", &l.Negatives, maxNegs}} {
		if *f.v = c.u32(f.name); c.err == nil && *f.v > f.most {
			c.err = fmt.Errorf("%s is %d, at most %d", f.name, *f.v, f.most)
		}
	}
	for _, f := range []struct {
		name string
		v    *float32
	}{{"dropout", &l.Dropout}, {"rate", &l.Rate}, {"dense rate", &l.RateDense}} {
		*f.v = c.float(f.name)
	}
	if l.Rank = c.u32("rank"); c.err == nil && l.Rank > maxUplinkRank {
		c.err = fmt.Errorf("rank is %d, at most %d", l.Rank, maxUplinkRank)
	}
	err := c.end("parameters")
	if err == nil {
		err = l.check()
	}
	if err != nil {
		return Local{}, fmt.Errorf("local function: %w", err)
	}
	return l, nil
}

func (l Local) check() error {
	known := slices.Contains([]string{TwoTowerFamily, NCFFamily, SequentialFamily, HybridFamily}, l.Name)
	switch {
	case l == Popularity():
		return nil
	case l.Name == PopularityFunction:
		return fmt.Errorf("%q has version 1 and no parameters, not %+v", l.Name, l)
	case !known || l.Version != 1:
		return fmt.Errorf("%q version %d is unknown", l.Name, l.Version)
	case l.Steps == 0 || l.Cuts == 0 || l.Next == 0:
		return fmt.Errorf("steps %d, cuts %d, next %d must be positive", l.Steps, l.Cuts, l.Next)
	case !(l.Dropout >= 0 && l.Dropout < 1):
		return fmt.Errorf("dropout is %v, want 0 to below 1", l.Dropout)
	case !(l.Rate > 0 && l.Rate <= 100) || !(l.RateDense >= 0 && l.RateDense <= 100):
		return fmt.Errorf("rates are %v and %v, want at most 100", l.Rate, l.RateDense)
	}
	return nil
}

// DefaultLocal is the recipe of a family.
func DefaultLocal(family string) (Local, error) {
	switch family {
	case TwoTowerFamily:
		return Local{Name: family, Version: 1, Steps: 4, Cuts: 8, Next: 5, Dropout: 0.3, Rate: 1, RateDense: 0.1}, nil
	case NCFFamily:
		return Local{Name: family, Version: 1, Steps: 4, Cuts: 8, Next: 5, Negatives: 250, Dropout: 0.1, Rate: 1, RateDense: 0.1}, nil
	case SequentialFamily, HybridFamily:
		return Local{Name: family, Version: 1, Steps: 4, Cuts: 16, Next: 3, Dropout: 0.2, Rate: 1, RateDense: 0.3}, nil
	}
	return Local{}, fmt.Errorf("model family %q is unknown", family)
}

// DefaultClip is the L2 bound C of a family's update.
func DefaultClip(family string) float32 { return 0.5 }
