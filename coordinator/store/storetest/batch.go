package storetest

import (
	"bytes"
	"fmt"

	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/coordinator/round"
)

// The rows of these tests say by their bytes what they are.

func hash(b byte) (h [32]byte) {
	for i := range h {
		h[i] = b
	}
	return h
}

func id(device byte) [32]byte { return hash(device) }

func openHash(r uint64) [32]byte { return hash(0xa0 + byte(r)) }

func entry(i uint64) coordinator.EntryRow {
	return coordinator.EntryRow{Index: i, Entry: fmt.Appendf(nil, "entry %d", i)}
}

func journal(r, seq uint64) coordinator.JournalRow {
	return coordinator.JournalRow{Round: r, Seq: seq, At: 1_700_000_000_000 + int64(seq), Event: fmt.Appendf(nil, "event %d of round %d", seq, r), Digest: hash(byte(seq))}
}

func chunk(r uint64, device byte, offset uint64) coordinator.ChunkRow {
	return coordinator.ChunkRow{Round: r, ID: id(device), Offset: offset, Data: bytes.Repeat([]byte{device}, 8)}
}

func header(device byte, text string) coordinator.HeaderRow {
	return coordinator.HeaderRow{ID: id(device), Header: []byte(text)}
}

func charge(r uint64) coordinator.ChargeRow {
	return coordinator.ChargeRow{Round: r, Question: hash(0x99), Units: 1 << 40}
}

func use(r uint64, device byte) coordinator.UseRow {
	return coordinator.UseRow{Round: r, Serial: [16]byte{device, 15: 9}}
}

// held is what is held against a device's certificate from a round on.
func held(r uint64, device byte) coordinator.ConductRow {
	return coordinator.ConductRow{Serial: use(r, device).Serial, Conduct: round.Conduct{Level: device, Last: r, Until: r + 64}}
}

func head(v uint64) coordinator.Head {
	return coordinator.Head{Version: v, Model: hash(0x40 + byte(v)), Serve: hash(0x50 + byte(v)), Round: v, Index: 10 * v}
}

func opening(r, index uint64) *coordinator.RoundRow {
	return &coordinator.RoundRow{Round: r, OpenHash: openHash(r), Index: index, GraceMillis: 250, Code: []byte("code"), Context: []uint64{0, 1, 2}}
}

func ended(r, index uint64) *coordinator.Ended {
	return &coordinator.Ended{Round: r, OpenHash: openHash(r), Index: index, Members: []round.Member{
		{ID: id(2), Index: 0, Leaf: 0, YHash: hash(0x22)},
		{ID: id(1), Index: 1, Leaf: -1},
		{ID: id(3), Index: 2, Cohort: 3, Leaf: 0, YHash: hash(0x33)},
	}}
}

// genesis begins a log of three entries at version 0.
func genesis() *coordinator.Batch {
	first := head(0)
	return &coordinator.Batch{First: &first, Entries: []coordinator.EntryRow{entry(0), entry(1), entry(2)}}
}

// running opens round 1, with what one has in the middle of it.
func running() *coordinator.Batch {
	return &coordinator.Batch{Open: opening(1, 3), Entries: []coordinator.EntryRow{entry(3), entry(4)},
		Journal: []coordinator.JournalRow{journal(1, 0), journal(1, 1)},
		Chunks:  []coordinator.ChunkRow{chunk(1, 1, 0), chunk(1, 1, 8), chunk(1, 2, 0)},
		Headers: []coordinator.HeaderRow{header(1, "first"), header(2, "second")},
		Charges: []coordinator.ChargeRow{charge(1)}, Uses: []coordinator.UseRow{use(1, 1), use(1, 2)}}
}

// begun is a world in the middle of round 1.
func (w *world) begun() {
	w.Helper()
	w.commit(genesis())
	w.commit(running())
}
