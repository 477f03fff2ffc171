package audit

import "fmt"

// Drop counts the members that left a round for one reason.
type Drop struct {
	Reason uint16 // of the coordinator's round machine
	Count  uint32
}

// MaxCohorts is the most cohorts of a round; so many are named in one RoundClose.
const MaxCohorts = 32

// RoundClose publishes what a round made and what it cost. Survivors and SumHash have one element for each cohort, in cohort order, and
// so 1 to MaxCohorts.
type RoundClose struct {
	Open        [32]byte   // hash(entry) of the RoundOpen
	Roster      [32]byte   // hash(entry) of the Roster
	Survivors   [][32]byte // hash(entry) of each cohort's Survivors
	SumHash     [][32]byte // SHA-256 of each cohort's decoded sum as d little-endian int32
	ModelOut    [32]byte   // SHA-256 of the new snapshot file
	ServeHash   [32]byte   // SHA-256 of the averaged snapshot file that is offered for serving
	U1, U2, U3  uint32     // on the roster, finished sharing, summed
	HonestNoise uint64     // h_min·σ_loc², grid units squared
	C           uint32     // clip, float32 bits
	RhoUnits    uint64     // what the round cost a device in it
	RhoCumBound uint64     // most any device can have spent in this period (design: privacy 8.3)
	PhaseMillis [5]uint32
	Drops       []Drop
}

func (*RoundClose) kind() Kind { return KindRoundClose }

func (r *RoundClose) fields(c *codec) {
	c.hash(&r.Open)
	c.hash(&r.Roster)
	c.hashes(&r.Survivors, MaxCohorts)
	c.hashes(&r.SumHash, MaxCohorts)
	if c.err == nil && len(r.Survivors) != len(r.SumHash) {
		c.err = fmt.Errorf("%d survivor sets and %d sums, want one of each for a cohort", len(r.Survivors), len(r.SumHash))
	}
	c.hash(&r.ModelOut)
	c.hash(&r.ServeHash)
	c.u32(&r.U1)
	c.u32(&r.U2)
	c.u32(&r.U3)
	c.u64(&r.HonestNoise)
	c.u32(&r.C)
	c.u64(&r.RhoUnits)
	c.u64(&r.RhoCumBound)
	for i := range r.PhaseMillis {
		c.u32(&r.PhaseMillis[i])
	}
	n := c.list(len(r.Drops), 6)
	if c.reading && n > 0 {
		r.Drops = make([]Drop, n)
	}
	for i := range n {
		c.u16(&r.Drops[i].Reason)
		c.u32(&r.Drops[i].Count)
	}
}

// Abort ends a round without a result. Charges stand.
type Abort struct {
	Open       [32]byte // hash(entry) of the RoundOpen
	Phase      uint16
	Reason     uint16
	Detail     string
	U1, U2, U3 uint32 // as far as the round came
}

func (*Abort) kind() Kind { return KindAbort }

func (r *Abort) fields(c *codec) {
	c.hash(&r.Open)
	c.u16(&r.Phase)
	c.u16(&r.Reason)
	c.text(&r.Detail)
	c.u32(&r.U1)
	c.u32(&r.U2)
	c.u32(&r.U3)
}
