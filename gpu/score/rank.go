package score

import (
	"errors"
	"fmt"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/model/evaluate"
)

var errClosed = errors.New("the model is closed")

// Rank implements evaluate.Ranker. Errors: gpu.ErrMemory where not even a few users fit, gpu.ErrLost.
func (m *Model) Rank(questions []evaluate.Question) ([]evaluate.Place, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check(questions); err != nil {
		return nil, fmt.Errorf("rank on the GPU: %w", err)
	}
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

// check wants all titles to be the model's.
func (m *Model) check(questions []evaluate.Question) error {
	errs := make([]error, len(questions))
	par.Do(len(questions), func(i int) {
		q := questions[i]
		for _, list := range [][]int{q.History, {q.Held}, q.Uniform, q.Matched} {
			if errs[i] = m.inside(list); errs[i] != nil {
				errs[i] = fmt.Errorf("user %d: %w", q.User, errs[i])
				return
			}
		}
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *Model) inside(items []int) error {
	for _, item := range items {
		if item < 0 || item >= m.shape.n {
			return fmt.Errorf("title %d is outside the model, 0 to %d", item, m.shape.n-1)
		}
	}
	return nil
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
	x, n := m.shape, len(questions)
	histories, held := make([][]int, n), make([]int, n)
	for i, q := range questions {
		histories[i], held[i] = q.History, q.Held
	}
	u := m.solve(f, histories)
	mask := f.zeros(n * x.words())
	f.launch(m.at.mask, gpu.Dim{X: blocks(n, threads/warp)}, threads, 0, mask, u.from, u.items, uint32(n), uint32(x.words()))
	begin, listed := flatten(2*n, func(i int) [2][]int {
		if i%2 == 1 {
			return [2][]int{questions[i/2].Matched}
		}
		return [2][]int{held[i/2 : i/2+1], questions[i/2].Uniform}
	})
	marks, before := f.words(n), f.words(2*n)
	f.launch(m.at.listed, gpu.Dim{X: n}, 128, 0, append(m.arguments(u), u.from, f.ids(begin), f.ids(listed), marks, before)...)

	slices, tiles := x.slices(n, 2*m.device.Info().Processors)
	best, bestTitle, stand, strange := f.words(slices*n*evaluate.ListLength), f.words(slices*n*evaluate.ListLength), f.words(slices*n), f.words(slices*n)
	f.launch(m.at.rank, gpu.Dim{X: blocks(n, tile), Y: slices}, threads, 0, append(m.arguments(u), marks, u.from, mask, uint32(x.words()), uint32(tiles), best, bestTitle, stand, strange)...)
	list, full, not := f.words(n*evaluate.ListLength), f.words(n), f.words(n)
	f.launch(m.at.merge, gpu.Dim{X: blocks(n, threads)}, threads, 0, list, full, not, best, bestTitle, stand, strange, uint32(slices), uint32(n))

	counts, all, strangers, ids := make([]uint32, 2*n), make([]uint32, n), make([]uint32, n), make([]uint32, n*evaluate.ListLength)
	f.download(gpu.Bytes(counts), before)
	f.download(gpu.Bytes(all), full)
	f.download(gpu.Bytes(strangers), not)
	f.download(gpu.Bytes(ids), list)
	if f.err != nil {
		return f.err
	}
	for i := range places {
		p := evaluate.Place{Uniform: int(counts[2*i]), Matched: int(counts[2*i+1]), Full: int(all[i]), NotNumber: strangers[i] != 0, List: make([]int, 0, evaluate.ListLength)}
		for _, id := range ids[i*evaluate.ListLength : (i+1)*evaluate.ListLength] {
			if id < uint32(x.n) {
				p.List = append(p.List, int(id))
			}
		}
		places[i] = p
	}
	return nil
}
