package storetest

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/coordinator/round"
)

func newIsEmpty(w *world) {
	w.equal(&coordinator.Saved{}, w.load())
	w.reopen()
	w.equal(&coordinator.Saved{}, w.load())
}

func loadsWhatWasCommitted(w *world) {
	w.begun()
	want := &coordinator.Saved{Head: head(0),
		Open: &coordinator.OpenRound{RoundRow: *opening(1, 3), Journal: []coordinator.JournalRow{journal(1, 0), journal(1, 1)}}, Charges: []coordinator.ChargeRow{charge(1)}}
	for i := range uint64(5) {
		want.Entries = append(want.Entries, entry(i).Entry)
	}
	w.equal(want, w.load())
	w.commit(&coordinator.Batch{Journal: []coordinator.JournalRow{journal(1, 2)}, Entries: []coordinator.EntryRow{entry(5)}})
	want.Open.Journal = append(want.Open.Journal, journal(1, 2))
	want.Entries = append(want.Entries, entry(5).Entry)
	w.equal(want, w.load())
	w.reopen()
	w.equal(want, w.load())
}

// allOrNothing puts one bad row into a batch of good ones of every kind.
func allOrNothing(w *world) {
	w.begun()
	good := func() *coordinator.Batch {
		return &coordinator.Batch{Entries: []coordinator.EntryRow{entry(5)}, Journal: []coordinator.JournalRow{journal(1, 2)},
			Chunks: []coordinator.ChunkRow{chunk(1, 2, 8)}, Headers: []coordinator.HeaderRow{header(1, "newer"), header(3, "third")},
			Charges: []coordinator.ChargeRow{charge(2)}, Uses: []coordinator.UseRow{use(2, 1), use(2, 3)},
			Conduct: []coordinator.ConductRow{held(2, 1), held(2, 3)}, Move: &coordinator.Move{From: head(0), To: head(1)}, End: ended(1, 5)}
	}
	other, dearer, elsewhere := head(3), charge(1), charge(1)
	dearer.Units++
	elsewhere.Question = hash(0x98)
	for name, spoil := range map[string]func(*coordinator.Batch){
		"an entry index is written twice":     func(b *coordinator.Batch) { b.Entries = []coordinator.EntryRow{entry(4)} },
		"the first entry is written twice":    func(b *coordinator.Batch) { b.Entries = []coordinator.EntryRow{entry(0)} },
		"an entry index is left out":          func(b *coordinator.Batch) { b.Entries = []coordinator.EntryRow{entry(6)} },
		"entries run backwards":               func(b *coordinator.Batch) { b.Entries = []coordinator.EntryRow{entry(6), entry(5)} },
		"an event is written twice":           func(b *coordinator.Batch) { b.Journal = append(b.Journal, journal(1, 1)) },
		"a chunk is written twice":            func(b *coordinator.Batch) { b.Chunks = append(b.Chunks, chunk(1, 1, 8)) },
		"a chunk comes twice in the batch":    func(b *coordinator.Batch) { b.Chunks = append(b.Chunks, chunk(1, 2, 8)) },
		"a round is charged otherwise":        func(b *coordinator.Batch) { b.Charges = append(b.Charges, dearer) },
		"a round is charged elsewhere":        func(b *coordinator.Batch) { b.Charges = append(b.Charges, elsewhere) },
		"a round is counted twice":            func(b *coordinator.Batch) { b.Uses = append(b.Uses, use(1, 2)) },
		"a use comes twice in the batch":      func(b *coordinator.Batch) { b.Uses = append(b.Uses, use(2, 1)) },
		"a round is held against one twice":   func(b *coordinator.Batch) { b.Conduct = append(b.Conduct, held(2, 3)) },
		"an earlier round is held against it": func(b *coordinator.Batch) { b.Conduct = append(b.Conduct, held(1, 1)) },
		"the head is another version":         func(b *coordinator.Batch) { b.Move.From = head(2) },
		"the head is another model":           func(b *coordinator.Batch) { b.Move.From.Model = hash(7) },
		"a first head comes again":            func(b *coordinator.Batch) { b.First = &other },
		"a second round opens beside a first": func(b *coordinator.Batch) { b.Open, b.End = opening(2, 5), nil },
		"the running round opens again":       func(b *coordinator.Batch) { b.Open = opening(1, 5) },
		"a round ends that is not running":    func(b *coordinator.Batch) { b.End = ended(2, 5) },
		"a round ends under another hash":     func(b *coordinator.Batch) { b.End.OpenHash = hash(8) },
	} {
		w.Run(name, func(t *testing.T) {
			sub := *w
			sub.T = t
			b := good()
			spoil(b)
			sub.refuses(b)
			w.store = sub.store
		})
	}
	w.commit(good()) // nothing of the refused batches stands in its way
	w.refuses(&coordinator.Batch{End: ended(1, 5)})
	w.refuses(&coordinator.Batch{Open: opening(1, 6)})
}

func cancelled(w *world) {
	w.begun()
	before := w.look()
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	if err := w.store.Commit(ctx, &coordinator.Batch{Entries: []coordinator.EntryRow{entry(5)}}); err == nil {
		w.Fatal("the batch was taken")
	}
	w.same(before)
	w.commit(&coordinator.Batch{Entries: []coordinator.EntryRow{entry(5)}})
}

func headMoves(w *world) {
	w.commit(genesis())
	for v := range uint64(3) {
		w.commit(&coordinator.Batch{Move: &coordinator.Move{From: head(v), To: head(v + 1)}})
		w.equal(head(v+1), w.load().Head)
		w.refuses(&coordinator.Batch{Move: &coordinator.Move{From: head(v), To: head(v + 1)}})
	}
	w.equal(head(3), w.load().Head)
}

func uploads(w *world) {
	w.begun()
	want := bytes.Repeat([]byte{1}, 16)
	w.equal(want, w.upload(1, 1))
	w.equal(bytes.Repeat([]byte{2}, 8), w.upload(1, 2))
	w.equal([]byte(nil), w.upload(1, 3))
	w.equal([]byte(nil), w.upload(2, 1))                    // another round's
	for _, offset := range []uint64{1, 7, 9, 16, 1 << 40} { // no chunk begins there
		b, err := w.store.Chunk(w.ctx, 1, id(1), offset)
		w.equal([]any{[]byte(nil), error(nil)}, []any{b, err})
	}
	w.refuses(&coordinator.Batch{Chunks: []coordinator.ChunkRow{{Round: 1, ID: id(1), Offset: 8, Data: []byte("other")}}})
	w.commit(&coordinator.Batch{Chunks: []coordinator.ChunkRow{chunk(1, 1, 16)}})
	w.reopen()
	w.equal(append(want, want[:8]...), w.upload(1, 1))
	// Many chunks come back in the order of their offsets, whatever order they were written in.
	var rows []coordinator.ChunkRow
	var whole []byte
	for i := range uint64(300) {
		c := coordinator.ChunkRow{Round: 1, ID: id(4), Offset: 2 * i, Data: []byte{byte(i), byte(i >> 8)}}
		rows, whole = append(rows, c), append(whole, c.Data...)
	}
	slices.Reverse(rows)
	w.commit(&coordinator.Batch{Chunks: rows})
	w.equal(whole, w.upload(1, 4))
}

func headers(w *world) {
	w.begun()
	w.commit(&coordinator.Batch{Headers: []coordinator.HeaderRow{header(1, "newer")}})
	w.reopen()
	w.equal([]byte("newer"), w.header(1))
	w.equal([]byte("second"), w.header(2))
	w.commit(&coordinator.Batch{End: ended(1, 4)})
	w.equal([]byte("newer"), w.header(1)) // it outlives its round: a device with an old ledger must still be told
}

func ending(w *world) {
	w.begun()
	w.equal((*coordinator.Ended)(nil), w.members(openHash(1)))
	b := &coordinator.Batch{Journal: []coordinator.JournalRow{journal(1, 2)}, Chunks: []coordinator.ChunkRow{chunk(1, 3, 0)},
		Entries: []coordinator.EntryRow{entry(5)}, Move: &coordinator.Move{From: head(0), To: head(1)}, End: ended(1, 5)}
	w.commit(b)
	for range 2 {
		saved := w.load()
		w.equal((*coordinator.OpenRound)(nil), saved.Open)
		w.equal(head(1), saved.Head)
		w.equal(6, len(saved.Entries))
		w.equal(ended(1, 5), w.members(openHash(1)))
		for d := byte(1); d <= maxDevice; d++ {
			w.equal([]byte(nil), w.upload(1, d))
		}
		w.reopen()
	}
	w.commit(&coordinator.Batch{Open: opening(2, 6), Entries: []coordinator.EntryRow{entry(6)}, Journal: []coordinator.JournalRow{journal(2, 0)}})
	w.equal([]coordinator.JournalRow{journal(2, 0)}, w.load().Open.Journal)
	w.equal(ended(1, 5), w.members(openHash(1)))
	w.refuses(&coordinator.Batch{Entries: []coordinator.EntryRow{entry(7)}, End: ended(1, 7)})
}

func openAndEnd(w *world) {
	w.commit(genesis())
	b := running()
	b.End = &coordinator.Ended{Round: 1, OpenHash: openHash(1), Index: 4}
	w.commit(b)
	w.equal((*coordinator.OpenRound)(nil), w.load().Open)
	w.equal([]byte(nil), w.upload(1, 1))
	w.equal(b.End, w.members(openHash(1)))
}

func emptyValues(w *world) {
	w.commit(&coordinator.Batch{})
	w.commit(&coordinator.Batch{Open: &coordinator.RoundRow{Round: 1}, Entries: []coordinator.EntryRow{{}}, Journal: []coordinator.JournalRow{{Round: 1}},
		Chunks: []coordinator.ChunkRow{{Round: 1}}, Headers: []coordinator.HeaderRow{{}}, Charges: []coordinator.ChargeRow{{Round: 1}}})
	w.reopen()
	want := &coordinator.Saved{Entries: [][]byte{{}}, Open: &coordinator.OpenRound{RoundRow: coordinator.RoundRow{Round: 1}, Journal: []coordinator.JournalRow{{Round: 1}}},
		Charges: []coordinator.ChargeRow{{Round: 1}}}
	w.equal(want, w.load())
	w.commit(&coordinator.Batch{End: &coordinator.Ended{Round: 1}})
	w.equal(&coordinator.Ended{Round: 1}, w.members([32]byte{}))
}

// charges are written once: the same again changes nothing, before and after the round's end, and no other takes its place.
func charges(w *world) {
	w.begun()
	cheaper, free := charge(1), charge(1)
	cheaper.Units--
	free.Units = 0
	again := func() {
		w.Helper()
		before := w.look()
		w.commit(&coordinator.Batch{Charges: []coordinator.ChargeRow{charge(1)}})
		w.same(before)
		for _, other := range []coordinator.ChargeRow{cheaper, free} {
			w.refuses(&coordinator.Batch{Charges: []coordinator.ChargeRow{other}})
		}
	}
	again()
	w.commit(&coordinator.Batch{End: ended(1, 4)})
	again()
	dear := charge(9)
	dear.Units = 1<<64 - 1
	w.commit(&coordinator.Batch{Charges: []coordinator.ChargeRow{dear}})
	w.refuses(&coordinator.Batch{Charges: []coordinator.ChargeRow{charge(3), charge(9)}})
	w.commit(&coordinator.Batch{Charges: []coordinator.ChargeRow{charge(3), charge(3)}})
	for range 2 {
		w.equal([]coordinator.ChargeRow{charge(1), charge(3), dear}, w.load().Charges)
		w.reopen()
	}
}

func uses(w *world) {
	w.begun()
	w.equal([]uint32{1, 1, 0}, []uint32{w.used(1), w.used(2), w.used(3)})
	w.refuses(&coordinator.Batch{Uses: []coordinator.UseRow{use(1, 1)}})
	w.commit(&coordinator.Batch{End: ended(1, 4)}) // they outlive the round
	w.commit(&coordinator.Batch{Uses: []coordinator.UseRow{use(7, 1), use(7, 3)}})
	w.reopen()
	w.equal([]uint32{2, 1, 1}, []uint32{w.used(1), w.used(2), w.used(3)})
	w.refuses(&coordinator.Batch{Uses: []coordinator.UseRow{use(6, 1)}})
	w.commit(&coordinator.Batch{Uses: []coordinator.UseRow{use(8, 1)}})
	w.equal(uint32(3), w.used(1))
}

func conducts(w *world) {
	w.begun()
	w.commit(&coordinator.Batch{End: ended(1, 4), Conduct: []coordinator.ConductRow{held(1, 1), held(1, 2)}})
	w.reopen()
	w.equal([]round.Conduct{held(1, 1).Conduct, held(1, 2).Conduct, {}}, []round.Conduct{w.conduct(1), w.conduct(2), w.conduct(3)})
	w.refuses(&coordinator.Batch{Conduct: []coordinator.ConductRow{held(1, 1)}})
	worst := held(9, 1)
	worst.Until = 1<<63 - 1
	w.commit(&coordinator.Batch{Conduct: []coordinator.ConductRow{worst}})
	w.equal([]round.Conduct{worst.Conduct, held(1, 2).Conduct}, []round.Conduct{w.conduct(1), w.conduct(2)})
	w.refuses(&coordinator.Batch{Conduct: []coordinator.ConductRow{held(8, 1)}})
}

func unknown(w *world) {
	ask := func() {
		w.equal([]byte(nil), w.upload(9, 9))
		w.equal((*coordinator.Ended)(nil), w.members(hash(9)))
		w.equal([]byte(nil), w.header(9))
		w.equal(uint32(0), w.used(9))
		w.equal(round.Conduct{}, w.conduct(9))
	}
	ask()
	w.begun()
	ask()
}

func noAliases(w *world) {
	w.commit(genesis())
	b := running()
	w.commit(b)
	before := w.look()
	for _, mine := range [][]byte{b.Entries[0].Entry, b.Journal[0].Event, b.Chunks[0].Data, b.Headers[0].Header, b.Open.Code} {
		clear(mine)
	}
	clear(b.Open.Context)
	w.same(before)
	clear(before.Saved.Entries[0]) // what was read is the reader's own, too
	clear(before.Uploads[1][1])
	clear(before.Headers[1])
	w.equal(entry(0).Entry, w.load().Entries[0])
	w.equal(bytes.Repeat([]byte{1}, 16), w.upload(1, 1))
	w.equal([]byte("first"), w.header(1))
}

// concurrent is for the race detector: the settling goroutine reads while the loop writes.
func concurrent(w *world) {
	w.begun()
	var both sync.WaitGroup
	both.Go(func() {
		for range 20 {
			if b, err := w.store.Chunk(w.ctx, 1, id(1), 8); err != nil || len(b) != 8 {
				w.Errorf("%d bytes: %v", len(b), err)
			}
		}
	})
	for seq := range uint64(20) {
		w.commit(&coordinator.Batch{Journal: []coordinator.JournalRow{journal(1, 2+seq)}, Chunks: []coordinator.ChunkRow{chunk(1, 4, 8*seq)}})
	}
	both.Wait()
	w.equal(22, len(w.load().Open.Journal))
}
