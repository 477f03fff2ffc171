package coordinator

import (
	"context"

	"github.com/cinesync/cinesync/coordinator/round"
)

// Store is what outlives the process. Two implementations share no code, only storetest.
type Store interface {
	// Load reads everything a starting coordinator needs.
	Load(ctx context.Context) (*Saved, error)
	// Commit makes one batch durable as a whole or not at all. It refuses what is written once and is there already (an
	// event, a chunk, a use, a conduct), another charge of a round that was charged (the same again changes nothing), an entry that is not the
	// log's next, a second running round, the end of a round that does not run, and a Move from another head. An error stops the process: it recovers by loading.
	Commit(ctx context.Context, b *Batch) error
	// Archive answers questions about what was committed earlier.
	Archive
}

// Archive reads single things that are too many to keep in memory.
type Archive interface {
	// Chunk gives the durable chunk of a member's masked vector that begins at offset, nil if there is none. Whole vectors are read
	// with one call for each chunk, so that nobody holds more than one of them and commits get in between.
	Chunk(ctx context.Context, round uint64, id [32]byte, offset uint64) ([]byte, error)
	// Members lists who was on the roster of an ended round, nil if the round is unknown.
	Members(ctx context.Context, openHash [32]byte) (*Ended, error)
	// Used is in how many rounds the certificate with this serial number was used, by the UseRows that were committed.
	Used(ctx context.Context, serial [16]byte) (uint32, error)
	// Conduct is what was committed last for the certificate with this serial number, zero if nothing was.
	Conduct(ctx context.Context, serial [16]byte) (round.Conduct, error)
	// LastHeader is the last R2 header that this device's key signed, nil if there is none.
	LastHeader(ctx context.Context, id [32]byte) ([]byte, error)
}

// Saved is a coordinator's durable state.
type Saved struct {
	Entries [][]byte // the log, by index
	Head    Head
	Open    *OpenRound  // the round that was running, if any
	Charges []ChargeRow // of all rounds, in the order of their numbers
}

// Head is the newest published model. Version 0 is the start, which no round made.
type Head struct {
	Version uint64
	Model   [32]byte
	Serve   [32]byte
	Round   uint64 // that published it
	Index   uint64 // of its RoundClose in the log
}

// OpenRound is the running round with its journal.
type OpenRound struct {
	RoundRow
	Journal []JournalRow
}

// RoundRow is a round's plan: what its machine is a function of, besides the log and the journal.
type RoundRow struct {
	Round       uint64
	OpenHash    [32]byte
	Index       uint64 // of RoundOpen in the log
	GraceMillis uint32
	Code        []byte
	Context     []uint64
}

// JournalRow is one handled event, with the digest of the facts it caused.
type JournalRow struct {
	Round  uint64
	Seq    uint64
	At     int64 // Unix milliseconds
	Event  []byte
	Digest [32]byte
}

// Batch is one transaction. Zero fields change nothing.
type Batch struct {
	First   *Head // the very first head, before any round
	Open    *RoundRow
	Journal []JournalRow
	Entries []EntryRow
	Chunks  []ChunkRow
	Headers []HeaderRow
	Charges []ChargeRow
	Uses    []UseRow
	Conduct []ConductRow
	Move    *Move
	End     *Ended
}

// EntryRow is one log entry at its index; an index is written once.
type EntryRow struct {
	Index uint64
	Entry []byte
}

// ChunkRow is one durable piece of a masked vector.
type ChunkRow struct {
	Round  uint64
	ID     [32]byte
	Offset uint64
	Data   []byte
}

// HeaderRow is the newest input header a device signed.
type HeaderRow struct {
	ID     [32]byte
	Header []byte
}

// ChargeRow is one round's charge to the population ledger, written with its Survivors entry and never changed or refunded.
type ChargeRow struct {
	Round    uint64
	Question [32]byte
	Units    uint64
}

// UseRow is one round in which a certificate was used, written with the round's Survivors entries. Rounds of one certificate rise.
type UseRow struct {
	Round  uint64
	Serial [16]byte
}

// ConductRow is what is held against a certificate from now on, written with the end of the round that was spoilt. Its last rounds
// rise.
type ConductRow struct {
	Serial [16]byte
	round.Conduct
}

// Move moves the head by compare-and-swap.
type Move struct{ From, To Head }

// Ended closes a round: its members are kept, its journal and chunks, which hold shares and vectors, are erased.
type Ended struct {
	Round    uint64
	OpenHash [32]byte
	Index    uint64 // of RoundClose or Abort
	Members  []round.Member
}
