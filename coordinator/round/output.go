package round

import (
	"slices"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// Output is what one step asks of the driver, obeyed in field order.
type Output struct {
	// Facts are made durable, together with the event that caused them, BEFORE anything below happens.
	Facts []Fact
	// Fold names vectors that became part of the sum, or are not to be in it after all. It saves time: Settle wants the whole set
	// and gets it from Vectors and the store where this was not done.
	Fold []Vector
	// Work is slow pure computation. It runs anywhere and comes back as an event (Settled or Unsettled).
	Work *Plan
	// Send may be lost: the machine sends again when the device reconnects.
	Send []Send
	// Result comes once, when the round is over and its last entry is in the log.
	Result *Result
}

func (o *Output) send(to [32]byte, m protocol.Message) {
	o.Send = append(o.Send, Send{To: to, Msg: m})
}

func (o *Output) prove(to [32]byte, m protocol.Message, entries ...uint64) {
	o.Send = append(o.Send, Send{To: to, Msg: m, Prove: entries})
}

func (o *Output) hangUp(to [32]byte, c protocol.Code, detail string) {
	o.send(to, &protocol.HangUp{Code: c, Detail: detail})
}

// Fact is one durable consequence. Entry is always an entry to append to the log.
type Fact struct {
	Entry []byte
	// Reserve is true for the Survivors entry: the population ledger is charged in the same transaction.
	Reserve bool
	// Serials are those of the certificates that this round uses; they are counted in the same transaction.
	Serials [][16]byte
	// Cosign is true where the machine wants to hear that the entry is logged only once witnesses have signed a checkpoint over it,
	// and wants that checkpoint.
	Cosign bool
	// Publish is set for the RoundClose entry: the model head moves in the same transaction.
	Publish *Publish
}

// Publish moves the head from In to Out, with Serve offered for serving.
type Publish struct{ In, Out, Serve [32]byte }

// Send is a message for one device. Where Prove names log entries, the driver attaches the evidence for them.
type Send struct {
	To    [32]byte
	Msg   protocol.Message
	Prove []uint64
	Seed  *Seed // set for a Roster with a cosigned seed
	Last  bool  // a hang-up that comes after what waits, not before it
}

// Seed asks the driver for the proof that entry Index lies in the tree of Size entries: seed_proof of a Roster.
type Seed struct{ Index, Size uint64 }

// span lists the log indexes first … last.
func span(first, last uint64) []uint64 {
	var out []uint64
	for i := first; i <= last; i++ {
		out = append(out, i)
	}
	return out
}

// Result is how a round ended.
type Result struct {
	Phase      Phase // Done or Failed
	Reason     Reason
	Detail     string
	Entry      uint64 // log index of RoundClose or Abort
	U1, U2, U3 int
	Sums       [][32]byte // the hash of each cohort's sum
	Model      [32]byte
	Serve      [32]byte
	Millis     [5]uint32 // time spent in Keys (with Recruit), Shares, Inputs, Unmask, Settle
	Members    []Member  // the roster in index order; for the store and the operator, never for the log
	Culprits   []Culprit // for whose faults it was given up, in index order; for the store and the operator alone
}

// Member is what is kept of one roster member when the round is over, so that a device that comes back late still gets
// its receipt completed.
type Member struct {
	ID     [32]byte
	Index  uint32
	Cohort int
	Leaf   int // place in the cohort's inputs_root, -1 if its vector is not in the sum
	YHash  [32]byte
}

// InputProof is a counted member's path to inputs_root, from the kept members of its round.
func InputProof(members []Member, id [32]byte) (leaf int, path [][32]byte) {
	at := slices.IndexFunc(members, func(p Member) bool { return p.ID == id && p.Leaf >= 0 })
	if at < 0 {
		return -1, nil
	}
	var leaves [][]byte
	for i, p := range members {
		if p.Leaf < 0 || p.Cohort != members[at].Cohort {
			continue
		}
		if i == at {
			leaf = len(leaves)
		}
		leaves = append(leaves, inputLeaf(p.Index, p.YHash))
	}
	return leaf, audit.MerkleProof(leaves, leaf)
}
