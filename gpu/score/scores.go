package score

import (
	"fmt"

	"github.com/cinesync/cinesync/gpu"
)

// Scores implements evaluate.Scorer: one person against all titles. dst has a place a title; the history is oldest first.
func (m *Model) Scores(_ int, history []int, dst []float32) error {
	return m.Batch([][]int{history}, [][]float32{dst})
}

// Batch scores some people against all titles: dst has a row a person with a place a title. Whoever has no history is scored by the
// titles' biases. Errors: gpu.ErrMemory, gpu.ErrLost.
func (m *Model) Batch(histories [][]int, dst [][]float32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(dst) != len(histories) {
		return fmt.Errorf("score on the GPU: %d rows for %d people", len(dst), len(histories))
	}
	for i := range histories {
		if len(dst[i]) != m.shape.n {
			return fmt.Errorf("score on the GPU: a row of %d scores, the model has %d titles", len(dst[i]), m.shape.n)
		}
	}
	err := m.pieces(len(histories), func(i int) int { return len(histories[i]) + m.shape.n }, func(f *memory, from, to int) error {
		return m.write(f, histories[from:to], dst[from:to])
	})
	if err != nil {
		return fmt.Errorf("score on the GPU: %w", err)
	}
	return nil
}

// write does a piece.
func (m *Model) write(f *memory, histories [][]int, dst [][]float32) error {
	n := m.shape.n
	u := m.solve(f, histories)
	scores := f.words(u.users * n)
	m.queue(f, u, scores)
	for i, row := range dst {
		if f.err == nil {
			f.err = m.stream.Download(gpu.Bytes(row), scores, 4*n*i)
		}
	}
	return f.err
}

// fewUsers are scored a thread a title, more in tiles.
const fewUsers = 8

// queue queues the kernel that writes scores, users × n.
func (m *Model) queue(f *memory, u *batch, scores *gpu.Buffer) {
	args := append(m.arguments(u), u.from, scores)
	if u.users <= fewUsers {
		f.launch(m.family.few, gpu.Dim{X: blocks(m.shape.n, 128), Y: u.users}, 128, 0, args...)
	} else {
		f.launch(m.family.write, gpu.Dim{X: blocks(u.users, tile), Y: blocks(m.shape.n, tile)}, threads, 0, args...)
	}
}
