package train

import (
	"cmp"
	"fmt"
	"slices"
	"unsafe"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/model"
)

// span is a run of the cohort's members that are trained at once, and how many titles their lists may hold.
type span struct {
	from, to int
	lists    int
}

// chunk is a span with its lists, in pinned memory of the host and on the device.
type chunk struct {
	span
	cuts       []cut        // steps × cuts a member
	candidates []candidates // steps a member
	lists      []int32
	coins      [][4]uint32 // a member's key
	loss       []float64   // what comes back, one a member
	status     []uint32
	results    []member

	who  []int // a member's place in the cohort: those with the longest histories come first, so that the last to end are short
	base []int // where a member's lists begin

	at map[string]gpu.At // where the same lies on the device
}

// begin takes a span, and room in the lists for each of its members.
func (c *chunk) begin(j *job, s span) {
	c.span, c.who, c.base = s, c.who[:0], c.base[:0]
	for i := s.from; i < s.to; i++ {
		c.who = append(c.who, i)
	}
	h := j.cohort.Histories
	slices.SortStableFunc(c.who, func(a, b int) int { return cmp.Compare(len(h[b]), len(h[a])) })
	at := 0
	for _, i := range c.who {
		c.base = append(c.base, at)
		at += j.listsOf(i)
	}
}

// members is how many there are.
func (c *chunk) members() int { return c.to - c.from }

// cut, candidates and member are the kernels' Cut, Candidates and Member.
type cut struct{ at, past, next, first uint32 }
type candidates struct{ at, count uint32 }
type member struct {
	norm    float64
	_       float64 // factor
	squares uint64
	bad     uint32
	_       uint32
	_       [44]uint32 // keys
}

// noWord is a member's bad where all words are numbers.
const noWord = 1<<32 - 1

// Limits of a chunk.
const (
	wavesAChunk = 16       // members a multiprocessor
	mostLists   = 16 << 20 // titles in the lists of a chunk that has more than one member
	mostOfOne   = 1 << 28  // and of one member
)

// listsOf is how many titles a member's lists hold at most.
func (j *job) listsOf(i int) int {
	l := j.cohort.Local
	step := int(l.Cuts) * (len(j.cohort.Histories[i]) + int(l.Next))
	if l.Negatives > 0 {
		step += int(l.Negatives) + int(l.Cuts)*int(l.Next)
	}
	return int(l.Steps) * step
}

// spans cuts the cohort so that updates and slots fit into what the device has left, and takes the memory of the updates.
func (j *job) spans() ([]span, error) {
	most, used := j.device.Budget()
	spans, err := j.plan(most-used, j.device.Info().Processors)
	if err != nil {
		return nil, err
	}
	members, _ := largest(spans)
	j.updates, err = j.alloc(members * j.stride * 4)
	return spans, err
}

// plan halves the chunks until they need no more than so many bytes of the device, or have one member.
func (j *job) plan(free int64, processors int) ([]span, error) {
	fit := int(min(max(free/2/(int64(j.stride)*4), 1), int64(processors*wavesAChunk)))
	for {
		spans, err := j.cut(fit, processors)
		if err != nil || fit == 1 || j.needs(spans) <= free {
			return spans, err
		}
		fit /= 2
	}
}

// needs is how many bytes more of the device the updates of the spans take, and their slots beyond what those hold already.
func (j *job) needs(spans []span) int64 {
	members, lists := largest(spans)
	rounded := func(bytes int) int64 { return int64(bytes) + int64(bytes)/8 + 256 } // as the device's pool rounds up at most
	all, slot := rounded(members*j.stride*4), layOut(j.cohort.Local, members, lists).end
	for _, held := range j.held[:min(len(j.held), len(spans))] {
		if held < slot {
			all += rounded(roomy(slot)) - int64(held)
		}
	}
	return all
}

// largest is how many members and titles in lists the spans have at most.
func largest(spans []span) (members, lists int) {
	for _, s := range spans {
		members, lists = max(members, s.to-s.from), max(lists, s.lists)
	}
	return members, lists
}

// cut cuts the cohort into chunks of fit members at most, whose lists are not too long. The first of a large
// cohort is short, since the device has nothing to do until it is drawn; a small one is one chunk, since each ends with idle blocks.
func (j *job) cut(fit, processors int) ([]span, error) {
	var spans []span
	now, limit := span{}, fit
	if len(j.cohort.Histories) > 8*processors {
		limit = min(fit, 2*processors)
	}
	for i := range j.cohort.Histories {
		lists := j.listsOf(i)
		if lists > mostOfOne {
			return nil, fmt.Errorf("%w: the lists of member %d hold %d titles, at most %d", ErrShape, i, lists, mostOfOne)
		}
		if n := now.to - now.from; n == limit || n > 0 && now.lists+lists > mostLists {
			spans = append(spans, now)
			now, limit = span{from: i, to: i}, fit
		}
		now.to, now.lists = i+1, now.lists+lists
	}
	return append(spans, now), nil
}

// slots is how many chunks have memory at a time.
const slots = 2

// slot is the memory of one chunk; while the device reads one, the other is drawn.
type slot struct {
	pinned *gpu.Pinned
	buffer *gpu.Buffer
	chunk  chunk
	up     int // bytes from the beginning that are uploaded
	down   [2]int
	done   *gpu.Mark
}

func (s *slot) free() {
	s.pinned.Free()
	s.buffer.Free()
	s.done.Free()
}

// held is how much of the device each slot holds between cohorts.
func (t *Trainer) held() (bytes [slots]int) {
	for i, s := range t.slots {
		if s != nil && s.buffer != nil {
			bytes[i] = s.buffer.Len()
		}
	}
	return bytes
}

// slot gives chunk i its memory, with room for any of the spans.
func (t *Trainer) slot(i int, j *job, spans []span) (*slot, error) {
	members, lists := largest(spans)
	at := i % len(t.slots)
	if t.slots[at] == nil {
		t.slots[at] = &slot{}
	}
	s := t.slots[at]
	if i < len(t.slots) { // the first time in this cohort
		if err := s.open(j, members, lists); err != nil {
			s.free()
			t.slots[at] = nil
			return nil, err
		}
	}
	return s, nil
}

// layout is where the parts of a slot lie, in bytes from its beginning.
type layout struct{ cuts, candidates, coins, lists, loss, status, members, end int }

// layOut makes room for so many members with so many titles in their lists.
func layOut(l model.Local, members, lists int) (o layout) {
	steps := members * int(l.Steps)
	section := func(n, bytes int) (at int) {
		at = (o.end + 255) / 256 * 256
		o.end = at + n*bytes
		return at
	}
	o.cuts, o.candidates = section(steps*int(l.Cuts), sizeOf[cut]()), section(steps, sizeOf[candidates]())
	o.coins, o.lists = section(members, 16), section(lists, 4)
	o.loss, o.status, o.members = section(members, 8), section(members, 4), section(members, sizeOf[member]())
	return o
}

// roomy is what a slot that must hold so many bytes takes, so that the next cohort, a little larger, need not take another.
func roomy(bytes int) int { return bytes + bytes/4 }

// open lays a slot out.
func (s *slot) open(j *job, members, lists int) (err error) {
	o := layOut(j.cohort.Local, members, lists)
	s.down = [2]int{o.loss, o.end}
	if s.pinned == nil || len(s.pinned.Bytes()) < o.end {
		s.pinned.Free()
		s.buffer.Free()
		s.pinned, s.buffer = nil, nil
		if s.pinned, err = j.device.Pinned(roomy(o.end)); err != nil {
			return err
		}
		if s.buffer, err = j.device.Alloc(roomy(o.end)); err != nil {
			return err
		}
	}
	s.up = o.lists
	b, steps := s.pinned.Bytes(), members*int(j.cohort.Local.Steps)
	s.chunk = chunk{cuts: view[cut](b, o.cuts, steps*int(j.cohort.Local.Cuts)), candidates: view[candidates](b, o.candidates, steps), coins: view[[4]uint32](b, o.coins, members),
		lists: view[int32](b, o.lists, lists), loss: view[float64](b, o.loss, members), status: view[uint32](b, o.status, members), results: view[member](b, o.members, members)}
	s.chunk.at = map[string]gpu.At{}
	for name, off := range map[string]int{"cuts": o.cuts, "candidates": o.candidates, "coins": o.coins, "lists": o.lists, "loss": o.loss, "status": o.status, "members": o.members} {
		s.chunk.at[name] = gpu.At{Buffer: s.buffer, Off: off}
	}
	return nil
}

// view sees pinned bytes, which are aligned to a page, as numbers.
func view[T any](b []byte, at, n int) []T {
	if n == 0 {
		return nil
	}
	_ = b[at+n*sizeOf[T]()-1]
	return unsafe.Slice((*T)(unsafe.Pointer(&b[at])), n)
}

// upload sends what was drawn.
func (s *slot) upload(to *gpu.Stream, _ *job) error {
	return to.Upload(s.buffer, 0, s.pinned.Bytes()[:s.up+4*s.chunk.span.lists])
}

// download fetches what came of the members.
func (s *slot) download(from *gpu.Stream, _ *job) error {
	return from.Download(s.pinned.Bytes()[s.down[0]:s.down[1]], s.buffer, s.down[0])
}
