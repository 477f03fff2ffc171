package topk

import (
	"slices"
	"unsafe"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/serve/rank"
)

// bar brings the batch's mask to the device, unless it is there.
func (l *lane) bar(m rank.Mask) error {
	last := len(m) - 1
	behind := l.none[last]
	if l.mask != nil && m[last]|behind == l.mask[last] && slices.Equal(m[:last], l.mask[:last]) {
		return nil
	}
	if l.barred == nil {
		var err error
		if l.barred, err = l.device.Alloc(8 * l.plan.tiles); err != nil {
			return err
		}
	}
	next := slices.Clone(m)
	next[last] |= behind
	l.mask = nil
	if err := l.stream.Upload(l.barred, 0, gpu.Bytes(next)); err != nil {
		return err
	}
	l.mask = next
	return nil
}

// masks lists the masks of queries, each once, and which one a query has: -1 for none.
func masks(each []rank.Mask, n int) (which []int32, sets []rank.Mask) {
	which = make([]int32, n)
	known := map[*uint64]int32{}
	for i := range which {
		which[i] = -1
		if each == nil || each[i] == nil {
			continue
		}
		first := unsafe.SliceData(each[i])
		at, ok := known[first]
		if !ok {
			at = int32(len(sets))
			known[first] = at
			sets = append(sets, each[i])
		}
		which[i] = at
	}
	return which, sets
}

// pair is a word of a mask, and its place among all masks.
type pair struct{ at, word uint64 }

// barring is the first word from a place on that bars something; the mask's length if none does. It goes by eight over what bars nothing.
func barring(m rank.Mask, from int) int {
	for ; from+8 <= len(m); from += 8 {
		w := m[from : from+8 : from+8]
		if w[0]|w[1]|w[2]|w[3]|w[4]|w[5]|w[6]|w[7] != 0 {
			break
		}
	}
	for from < len(m) && m[from] == 0 {
		from++
	}
	return from
}

// barEach queues the copy of queries' masks: whole, or only words in which something is barred, where those are few.
func (l *lane) barEach(sets []rank.Mask) error {
	r, tiles := &l.room, l.plan.tiles
	ends := make([]int, len(sets)+1) // of each mask's pairs, behind those of the masks before
	par.Do(len(sets), func(i int) {
		n := 0
		for j := barring(sets[i], 0); j < tiles; j = barring(sets[i], j+1) {
			n++
		}
		ends[i+1] = n
	})
	for i := range sets {
		ends[i+1] += ends[i]
	}
	n, host := ends[len(sets)], r.hostMasks.Bytes()
	if 2*n >= len(sets)*tiles {
		par.Do(len(sets), func(i int) { copy(host[8*i*tiles:], gpu.Bytes(sets[i])) })
		return l.stream.Upload(r.own, 0, host[:8*len(sets)*tiles])
	}
	if err := l.stream.Zero(r.own, 0, 8*len(sets)*tiles); err != nil || n == 0 {
		return err
	}
	pairs := unsafe.Slice((*pair)(unsafe.Pointer(unsafe.SliceData(host))), n)
	par.Do(len(sets), func(i int) {
		at := ends[i]
		for j := barring(sets[i], 0); j < tiles; j = barring(sets[i], j+1) {
			pairs[at] = pair{uint64(i*tiles + j), sets[i][j]}
			at++
		}
	})
	if err := l.stream.Upload(r.pairs, 0, host[:16*n]); err != nil {
		return err
	}
	return l.stream.Launch(l.do.bar, gpu.Dim{X: (n + threads - 1) / threads}, gpu.Dim{X: threads}, 0, r.own, uint64(len(sets)*tiles), r.pairs, uint32(n))
}
