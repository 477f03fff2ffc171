package storetest

import (
	"context"
	"testing"

	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Open opens the store that lies at one place. Called again it closes what it gave before and opens the same place anew, as
// a process does that starts again.
type Open func() coordinator.Store

// Run holds a store against the contract. Each test gets a new, empty place from fresh.
func Run(t *testing.T, fresh func(t *testing.T) Open) {
	for _, test := range []struct {
		name string
		run  func(*world)
	}{
		{"a new store is empty", newIsEmpty},
		{"what was committed is loaded", loadsWhatWasCommitted},
		{"a batch is written whole or not at all", allOrNothing},
		{"a cancelled commit writes nothing", cancelled},
		{"the head moves by compare and swap", headMoves},
		{"uploads are read chunk by chunk", uploads},
		{"the newest header of a device is kept", headers},
		{"an ended round keeps its members alone", ending},
		{"a round may open and end in one batch", openAndEnd},
		{"an empty value is a value", emptyValues},
		{"a charge is never refunded", charges},
		{"a certificate's rounds are counted once each", uses},
		{"what is held against a certificate is kept", conducts},
		{"what is unknown is nil", unknown},
		{"a batch belongs to its caller again after the commit", noAliases},
		{"an upload is read while batches are committed", concurrent},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &world{T: t, ctx: t.Context(), open: fresh(t)}
			w.reopen()
			test.run(w)
		})
	}
}

// world is one place with its store.
type world struct {
	*testing.T
	ctx   context.Context
	open  Open
	store coordinator.Store
}

func (w *world) reopen() { w.store = w.open() }

func (w *world) commit(b *coordinator.Batch) {
	w.Helper()
	if err := w.store.Commit(w.ctx, b); err != nil {
		w.Fatalf("commit: %v", err)
	}
}

// refuses wants an error, and the store as it was, now and after it is opened again.
func (w *world) refuses(b *coordinator.Batch) {
	w.Helper()
	before := w.look()
	if err := w.store.Commit(w.ctx, b); err == nil {
		w.Fatal("the batch was taken")
	}
	w.same(before)
	w.reopen()
	w.same(before)
}

// view is all that a store shows of the things these tests write.
type view struct {
	Saved   *coordinator.Saved
	Uploads map[uint64]map[byte][]byte
	Headers map[byte][]byte
	Ended   map[uint64]*coordinator.Ended
	Used    map[byte]uint32
	Conduct map[byte]round.Conduct
}

const maxRound, maxDevice = 4, 4

func (w *world) look() view {
	w.Helper()
	v := view{Uploads: map[uint64]map[byte][]byte{}, Headers: map[byte][]byte{}, Ended: map[uint64]*coordinator.Ended{}, Used: map[byte]uint32{}, Conduct: map[byte]round.Conduct{}}
	v.Saved = w.load()
	for r := uint64(1); r <= maxRound; r++ {
		v.Uploads[r] = map[byte][]byte{}
		for d := byte(1); d <= maxDevice; d++ {
			v.Uploads[r][d] = w.upload(r, d)
		}
		v.Ended[r] = w.members(openHash(r))
	}
	for d := byte(1); d <= maxDevice; d++ {
		v.Headers[d] = w.header(d)
		v.Used[d], v.Conduct[d] = w.used(d), w.conduct(d)
	}
	return v
}

func (w *world) same(want view) {
	w.Helper()
	if diff := cmp.Diff(want, w.look(), cmpopts.EquateEmpty()); diff != "" {
		w.Fatalf("the store changed (-before +after):\n%s", diff)
	}
}

func (w *world) load() *coordinator.Saved {
	w.Helper()
	saved, err := w.store.Load(w.ctx)
	if err != nil {
		w.Fatalf("load: %v", err)
	}
	return saved
}

// upload reads a whole vector, chunk by chunk.
func (w *world) upload(round uint64, device byte) (whole []byte) {
	w.Helper()
	for {
		b, err := w.store.Chunk(w.ctx, round, id(device), uint64(len(whole)))
		if err != nil {
			w.Fatalf("chunk at %d of device %d in round %d: %v", len(whole), device, round, err)
		}
		if len(b) == 0 {
			return whole
		}
		whole = append(whole, b...)
	}
}

func (w *world) members(open [32]byte) *coordinator.Ended {
	w.Helper()
	e, err := w.store.Members(w.ctx, open)
	if err != nil {
		w.Fatalf("members: %v", err)
	}
	return e
}

func (w *world) header(device byte) []byte {
	w.Helper()
	b, err := w.store.LastHeader(w.ctx, id(device))
	if err != nil {
		w.Fatalf("last header of device %d: %v", device, err)
	}
	return b
}

func (w *world) used(device byte) uint32 {
	w.Helper()
	n, err := w.store.Used(w.ctx, use(0, device).Serial)
	if err != nil {
		w.Fatalf("rounds of device %d's certificate: %v", device, err)
	}
	return n
}

func (w *world) conduct(device byte) round.Conduct {
	w.Helper()
	c, err := w.store.Conduct(w.ctx, use(0, device).Serial)
	if err != nil {
		w.Fatalf("conduct of device %d's certificate: %v", device, err)
	}
	return c
}

func (w *world) equal(want, got any) {
	w.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		w.Fatalf("-want +got:\n%s", diff)
	}
}
