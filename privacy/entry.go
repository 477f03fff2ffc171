package privacy

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// EntryKind says what a ledger entry records.
type EntryKind uint16

// The kinds of entry. Zero is none of them.
const (
	EntryCharge EntryKind = 1 // one upload paid for
	EntryPeriod EntryKind = 2 // a new ledger period: what was spent and the participations start again from zero
)

// String names the kind.
func (k EntryKind) String() string {
	switch k {
	case EntryCharge:
		return "charge"
	case EntryPeriod:
		return "period"
	default:
		return fmt.Sprintf("entry kind %d", uint16(k))
	}
}

// Entry is one link of a device's ledger (design: privacy 8.2). A period entry has only Seq, At, LogIndex and Prev.
type Entry struct {
	Seq        uint64 // 1, 2, 3, … without gaps
	Kind       EntryKind
	Round      uint64   // the coordinator's round number
	Question   [32]byte // hash of the question's log entry
	OpenHash   [32]byte // hash of the RoundOpen entry
	SID        [32]byte // session that the upload belongs to
	Units      Units    // what this entry costs
	Cumulative Units    // spent in the period, this entry included
	LogIndex   uint64   // of the RoundOpen (charge) or the PolicyChange (period) in the coordinator's log
	At         uint64   // Unix seconds at which a period starts; 0 in a charge
	Prev       [32]byte // Hash of the entry before; zero in a first entry that follows nothing
}

// The canonical bytes, integers big-endian:
//
//	 0  u16  version, 1            84  32  sid                148  32  prev
//	 2  u16  kind                 116  u64  units             180  32  hash of bytes 0 to 179
//	 4  u64  seq                  124  u64  cumulative
//	12  u64  round                132  u64  log index
//	20  32   question             140  u64  at
//	52  32   open_hash
//
// The hash is SHA-256("cinesync/ledger1/entry" ‖ 0x00 ‖ bytes 0 to 179). It is stored with the entry so that a damaged
// last entry, which no other entry vouches for, is found too.
const (
	entryVersion = 1
	entryBody    = 180
	entryLabel   = "cinesync/ledger1/entry\x00"
)

// EntrySize is the length of an entry's canonical bytes.
const EntrySize = entryBody + sha256.Size

// Append appends the entry's canonical bytes, EntrySize of them, to dst.
func (e Entry) Append(dst []byte) []byte {
	start := len(dst)
	dst = e.appendBody(dst)
	sum := hashEntry(dst[start:])
	return append(dst, sum[:]...)
}

// Hash returns what the next entry's Prev must be: the last 32 of the canonical bytes.
func (e Entry) Hash() [32]byte {
	var buf [entryBody]byte
	return hashEntry(e.appendBody(buf[:0]))
}

func (e Entry) appendBody(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, entryVersion)
	dst = binary.BigEndian.AppendUint16(dst, uint16(e.Kind))
	dst = binary.BigEndian.AppendUint64(dst, e.Seq)
	dst = binary.BigEndian.AppendUint64(dst, e.Round)
	dst = append(dst, e.Question[:]...)
	dst = append(dst, e.OpenHash[:]...)
	dst = append(dst, e.SID[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Units))
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Cumulative))
	dst = binary.BigEndian.AppendUint64(dst, e.LogIndex)
	dst = binary.BigEndian.AppendUint64(dst, e.At)
	return append(dst, e.Prev[:]...)
}

func hashEntry(body []byte) [32]byte {
	var buf [len(entryLabel) + entryBody]byte
	return sha256.Sum256(append(append(buf[:0], entryLabel...), body...))
}

// ParseEntry reads one entry from exactly its canonical bytes. A damaged entry gives an error that wraps ErrBroken.
func ParseEntry(b []byte) (Entry, error) {
	if len(b) != EntrySize {
		return Entry{}, fmt.Errorf("parse ledger entry: %d bytes instead of %d: %w", len(b), EntrySize, ErrBroken)
	}
	if sum := hashEntry(b[:entryBody]); sum != [32]byte(b[entryBody:]) {
		return Entry{}, fmt.Errorf("parse ledger entry: its bytes do not match its hash: %w", ErrBroken)
	}
	if v := binary.BigEndian.Uint16(b); v != entryVersion {
		return Entry{}, fmt.Errorf("parse ledger entry: version %d is not %d: %w", v, entryVersion, ErrBroken)
	}
	e := Entry{
		Kind:       EntryKind(binary.BigEndian.Uint16(b[2:])),
		Seq:        binary.BigEndian.Uint64(b[4:]),
		Round:      binary.BigEndian.Uint64(b[12:]),
		Question:   [32]byte(b[20:52]),
		OpenHash:   [32]byte(b[52:84]),
		SID:        [32]byte(b[84:116]),
		Units:      Units(binary.BigEndian.Uint64(b[116:])),
		Cumulative: Units(binary.BigEndian.Uint64(b[124:])),
		LogIndex:   binary.BigEndian.Uint64(b[132:]),
		At:         binary.BigEndian.Uint64(b[140:]),
		Prev:       [32]byte(b[148:180]),
	}
	if err := e.check(); err != nil {
		return Entry{}, fmt.Errorf("parse ledger entry %d: %w: %w", e.Seq, err, ErrBroken)
	}
	return e, nil
}

// check looks for what no entry of its kind can hold, whatever the ones before it are.
func (e Entry) check() error {
	switch {
	case e.Seq == 0:
		return errors.New("sequence 0")
	case e.Kind == EntryCharge && e.Units == 0:
		return errors.New("a charge of nothing")
	case e.Kind == EntryCharge && e.Cumulative < e.Units:
		return fmt.Errorf("cumulative %d is below its own charge of %d", e.Cumulative, e.Units)
	case e.Kind == EntryCharge && e.At != 0:
		return errors.New("a charge with a starting time")
	case e.Kind == EntryCharge:
		return nil
	case e.Kind == EntryPeriod && e != Entry{Seq: e.Seq, Kind: EntryPeriod, LogIndex: e.LogIndex, At: e.At, Prev: e.Prev}:
		return errors.New("a period entry with the fields of a charge")
	case e.Kind == EntryPeriod:
		return nil
	default:
		return fmt.Errorf("unknown %v", e.Kind)
	}
}
