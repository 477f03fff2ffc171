package topk

import (
	"fmt"
	"math"
	"slices"
	"unsafe"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/serve/rank"
)

// What becomes of a query (the kernels' words for it).
const (
	runs  = 0
	done  = 1
	full  = 2 // more than fits was above the floor
	exact = 3 // no bound holds: only float64 will do
)

// room is memory for a pass. It grows to what was asked for and stays.
type room struct {
	capacity, sets                              int // queries, masks of queries
	halves, needs, slack, counts, maxima, found *gpu.Buffer
	in, out                                     *gpu.Buffer // which mask a query has, then the queries; states, lengths, lists
	own, pairs                                  *gpu.Buffer // masks of queries, and words for them
	hostIn, hostOut, hostMasks                  *gpu.Pinned
}

func (r *room) free() {
	for _, b := range []*gpu.Buffer{r.halves, r.needs, r.slack, r.counts, r.maxima, r.found, r.in, r.out, r.own, r.pairs} {
		b.Free()
	}
	r.hostIn.Free()
	r.hostOut.Free()
	r.hostMasks.Free()
	*r = room{}
}

// grow makes room for so many queries (up to whole blocks), and masks.
func (l *lane) grow(queries, sets int) error {
	r, p := &l.room, l.plan
	if queries <= r.capacity && sets <= r.sets {
		return nil
	}
	queries, sets = max(queries, r.capacity), max(sets, r.sets)
	r.free()
	var err error
	for _, want := range []struct {
		into  **gpu.Buffer
		bytes int
	}{
		{&r.halves, 2 * queries * p.width}, {&r.needs, 16 * queries}, {&r.slack, 4 * queries}, {&r.counts, 4 * queries}, {&r.maxima, 4 * queries * p.slots},
		{&r.found, 8 * most * queries}, {&r.in, 4 * queries * (p.dim + 4)}, {&r.out, 8 * queries * (1 + rank.MaxN)}, {&r.own, 8 * sets * p.tiles}, {&r.pairs, 8 * sets * p.tiles},
	} {
		if *want.into, err = l.device.Alloc(max(want.bytes, 16)); err != nil {
			r.free()
			return err
		}
	}
	if r.hostIn, err = l.device.Pinned(r.in.Len()); err == nil {
		r.hostOut, err = l.device.Pinned(r.out.Len())
	}
	if err == nil {
		r.hostMasks, err = l.device.Pinned(r.own.Len())
	}
	if err != nil {
		r.free()
		return err
	}
	r.capacity, r.sets = queries, sets
	return nil
}

// work is one pass: n queries, padded to whole blocks, of each of which `want` titles are listed.
type work struct {
	room            *room
	n, padded, want int
	shared          *gpu.Buffer // the mask of all of them
}

func (w work) which() gpu.At   { return gpu.At{Buffer: w.room.in} }
func (w work) queries() gpu.At { return gpu.At{Buffer: w.room.in, Off: 16 * w.padded} }
func (w work) lengths() gpu.At { return gpu.At{Buffer: w.room.out, Off: 4 * w.padded} }
func (w work) lists() gpu.At   { return gpu.At{Buffer: w.room.out, Off: 8 * w.padded} }

// begin queues the copies of a batch to the device.
func (l *lane) begin(b rank.Batch, n int) (work, error) {
	w := work{room: &l.room, n: n, padded: l.plan.padded(n), want: b.N, shared: l.on.none}
	which, sets := masks(b.Each, n)
	if err := l.grow(w.padded, len(sets)); err != nil {
		return w, err
	}
	host := l.room.hostIn.Bytes()[:16*w.padded+4*len(b.Queries)]
	copy(host, gpu.Bytes(which))
	copy(host[16*w.padded:], gpu.Bytes(b.Queries))
	if err := l.stream.Upload(l.room.in, 0, host); err != nil {
		return w, err
	}
	if len(sets) > 0 {
		if err := l.barEach(sets); err != nil {
			return w, err
		}
	}
	if b.Barred != nil {
		if err := l.bar(b.Barred); err != nil {
			return w, err
		}
		w.shared = l.barred
	}
	return w, nil
}

// read waits for a pass and brings its results to the host.
func (l *lane) read(w work) error {
	if err := l.stream.Download(l.room.hostOut.Bytes()[:8*w.padded+8*w.n*w.want], l.room.out, 0); err != nil {
		return err
	}
	return l.stream.Wait()
}

func view[T uint32 | uint64](b []byte, n int) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// states are the queries' as they were read last.
func (w work) states() []uint32 { return view[uint32](w.room.hostOut.Bytes(), w.n) }

// all is every query.
func (w work) all() []uint32 {
	list := make([]uint32, w.n)
	for q := range list {
		list[q] = uint32(q)
	}
	return list
}

// left is the queries in one of these states.
func (w work) left(states ...uint32) []uint32 {
	var list []uint32
	for q, s := range w.states() {
		if slices.Contains(states, s) {
			list = append(list, uint32(q))
		}
	}
	return list
}

// append adds the lists that were read.
func (w work) append(lists [][]rank.Item) ([][]rank.Item, error) {
	host := w.room.hostOut.Bytes()
	lengths, places := view[uint32](host[4*w.padded:], w.n), view[uint64](host[8*w.padded:], w.n*w.want)
	for q, s := range w.states() {
		if s != done || int(lengths[q]) > w.want {
			return nil, fmt.Errorf("broken invariant: query %d ended in state %d with %d of %d titles", q, s, lengths[q], w.want)
		}
	}
	from := len(lists)
	lists = slices.Grow(lists, w.n)[:from+w.n]
	const part = 32
	par.Do((w.n+part-1)/part, func(i int) {
		to := min(i*part+part, w.n)
		items := make([]rank.Item, (to-i*part)*w.want)
		for q := i * part; q < to; q++ {
			list := items[:lengths[q]:lengths[q]]
			items = items[w.want:]
			for j, place := range places[q*w.want : q*w.want+len(list)] {
				list[j] = rank.Item{Index: int(uint32(place)), Score: math.Float32frombits(uint32(place >> 32))}
			}
			lists[from+q] = list
		}
	})
	return lists, nil
}
