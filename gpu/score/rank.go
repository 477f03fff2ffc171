package score

import (
	"errors"
	"fmt"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/model/evaluate"
)

var errClosed = errors.New("the model is closed")

// Rank implements evaluate.Ranker. Errors: gpu.ErrMemory where not even a few users fit, gpu.ErrLost.
func (m *Model) Rank(questions []evaluate.Question) ([]evaluate.Place, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]evaluate.Place, len(questions))
	err := m.pieces(len(questions), func(i int) int {
		q := questions[i]
		return len(q.History) + len(q.Uniform) + len(q.Matched) + 1
	}, func(f *memory, from, to int) error { return m.rank(f, questions[from:to], out[from:to]) })
	if err != nil {
		return nil, fmt.Errorf("rank on the GPU: %w", err)
	}
	return out, nil
}

// pieces does 0 to n in pieces that fit the device, each in memory of its own. What does not fit is tried again in halves.
func (m *Model) pieces(n int, titles func(i int) int, do func(f *memory, from, to int) error) error {
	if m.stream == nil {
		return errClosed
	}
	for at := 0; at < n; {
		to, sum := at, 0
		for to < n && to-at < m.most && (to == at || sum+titles(to) <= mostTitles) {
			sum += titles(to)
			to++
		}
		f := m.memory()
		err := do(f, at, to)
		if err != nil {
			_ = m.stream.Wait() // nobody else gets memory that queued work writes to; what failed was said
		}
		f.free()
		switch {
		case err == nil:
			at = to
		case errors.Is(err, gpu.ErrMemory) && m.most > fewestUsers:
			m.most /= 2
		default:
			return err
		}
	}
	return nil
}

// rank does a piece.
func (m *Model) rank(f *memory, questions []evaluate.Question, places []evaluate.Place) error {
	histories := make([][]int, len(questions))
	for i, q := range questions {
		histories[i] = q.History
	}
	u := m.solve(f, histories)
	marks, before := m.negatives(f, u, questions)
	list, full, not := m.catalogue(f, u, marks)
	return m.places(f, places, before, full, not, list)
}

// negatives queues the scores of the held-out titles, and how many negatives of each kind stand before them (users × 2).
func (m *Model) negatives(f *memory, u *batch, questions []evaluate.Question) (marks, before *gpu.Buffer) {
	begin := begins(2*u.users, func(i int) int {
		if i%2 == 1 {
			return len(questions[i/2].Matched)
		}
		return 1 + len(questions[i/2].Uniform)
	})
	listed := m.stage(f, 1, int(begin[2*u.users]))
	if f.err == nil {
		f.err = fill(2*u.users, begin, listed, func(dst []uint32, i int) error { return copyListed(dst, questions[i/2], i%2 == 1, m.shape.n) })
	}
	marks, before = f.words(u.users), f.words(2*u.users)
	f.launch(m.family.listed, gpu.Dim{X: u.users}, 128, 0, append(m.arguments(u), u.from, f.ids(begin), f.ids(listed), marks, before)...)
	return marks, before
}

// catalogue queues the lists of all users, how many titles stand before the held-out ones, and who got what is not a number.
func (m *Model) catalogue(f *memory, u *batch, marks *gpu.Buffer) (list, full, not *gpu.Buffer) {
	n, words := u.users, m.shape.words()
	mask := f.zeros(n * words)
	f.launch(m.kernels.mask, gpu.Dim{X: blocks(n, threads/warp)}, threads, 0, mask, u.from, u.items, uint32(n), uint32(words))
	slices, tiles := m.shape.slices(n, 2*m.device.Info().Processors)
	best, title := f.words(slices*n*evaluate.ListLength), f.words(slices*n*evaluate.ListLength)
	stand, strange := f.words(slices*n), f.words(slices*n)
	f.launch(m.family.rank, gpu.Dim{X: blocks(n, tile), Y: slices}, threads, 0,
		append(m.arguments(u), marks, u.from, mask, uint32(words), uint32(tiles), best, title, stand, strange)...)
	list, full, not = f.words(n*evaluate.ListLength), f.words(n), f.words(n)
	f.launch(m.kernels.merge, gpu.Dim{X: blocks(n, threads)}, threads, 0, list, full, not, best, title, stand, strange, uint32(slices), uint32(n))
	return list, full, not
}

// places waits for what was queued and reads it.
func (m *Model) places(f *memory, places []evaluate.Place, before, full, not, list *gpu.Buffer) error {
	n := len(places)
	counts, all, strange, ids := make([]uint32, 2*n), make([]uint32, n), make([]uint32, n), make([]uint32, n*evaluate.ListLength)
	f.download(gpu.Bytes(counts), before)
	f.download(gpu.Bytes(all), full)
	f.download(gpu.Bytes(strange), not)
	f.download(gpu.Bytes(ids), list)
	if f.err != nil {
		return f.err
	}
	lists := make([]int, len(ids))
	for i := range places {
		from, to := i*evaluate.ListLength, (i+1)*evaluate.ListLength
		p := evaluate.Place{Uniform: int(counts[2*i]), Matched: int(counts[2*i+1]), Full: int(all[i]), NotNumber: strange[i] != 0, List: lists[from:from:to]}
		for _, id := range ids[from:to] {
			if id < uint32(m.shape.n) { // the rest of a short list is none
				p.List = append(p.List, int(id))
			}
		}
		places[i] = p
	}
	return nil
}

// copyListed copies the held-out title and the uniform negatives of a question, or the matched ones.
func copyListed(dst []uint32, q evaluate.Question, matched bool, n int) error {
	items := q.Matched
	if !matched {
		if uint(q.Held) >= uint(n) {
			return fmt.Errorf("held out of user %d: %w", q.User, errTitle(q.Held, n))
		}
		dst[0] = uint32(q.Held)
		dst, items = dst[1:], q.Uniform
	}
	if item, ok := copyTitles(dst, items, n); !ok {
		return fmt.Errorf("negatives of user %d: %w", q.User, errTitle(item, n))
	}
	return nil
}
