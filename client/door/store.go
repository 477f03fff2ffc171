package door

import "errors"

// ErrConflict means that a store was asked to replace what is written once: other bytes under the same key.
var ErrConflict = errors.New("conflicts with what was recorded before")

// Commit is what becomes durable in one transaction, or not at all.
type Commit struct {
	Entry       []byte // canonical bytes of a ledger entry to append at Seq; nil for none
	Seq         uint64
	SaveSession bool
	Session     []byte // replaces the live round session; nil deletes it. It holds secrets, and is cleared when Commit returned
	Outbox      []OutboxRow
	Meta        map[string][]byte
	Receipt     *Receipt
	// Lazy allows the commit to be lost in a power cut, with everything since the last one that is not lazy; never in a crash
	// of the process, and never out of order.
	Lazy bool
	// Erase wants what this commit replaced to be gone from the disk, side files included: a session's secrets are over.
	Erase bool
}

// OutboxRow is one thing that leaves, or has left, this device. It is written once; only its receipt may be added later.
type OutboxRow struct {
	Key     []byte // open_hash ‖ u8 step
	At      int64  // Unix seconds of the first write
	Kind    string
	Purpose string
	Bytes   int64 // sent size
	Digest  [32]byte
	Body    []byte // exact bytes for sending again; may be nil
	Units   uint64 // privacy units that it cost
	Receipt []byte // nil until the coordinator sent one
}

// Receipt is what a device keeps of a round that summed its vector, for whoever wants to check it later. It is written once.
type Receipt struct {
	OpenHash [32]byte // of the round
	Round    uint64
	At       int64  // Unix seconds
	File     []byte // an audit.ReceiptFile
}
