package masks

import (
	"errors"
	"fmt"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/kernels"
)

// Rows adds rows of a matrix of 32-bit words that is on a device. It is for sums of vectors that were made there and need not come back one by
// one. No program has such vectors yet: a round's come from the wire and are folded on the host as they come, where an addition costs less
// than the way to the device would. Only tests and benchmarks use it.
type Rows struct {
	device   *gpu.Device
	module   *gpu.Module
	function *gpu.Function
}

// NewRows readies a device, which stays the caller's.
func NewRows(d *gpu.Device) (*Rows, error) {
	m, err := d.Load(kernels.Masks)
	if err != nil {
		return nil, fmt.Errorf("ready GPU %d to add rows: %w", d.Info().Index, err)
	}
	f, err := m.Function("masks_rows")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ready GPU %d to add rows: %w", d.Info().Index, err), m.Unload())
	}
	return &Rows{d, m, f}, nil
}

// Close frees what NewRows took.
func (r *Rows) Close() error { return r.module.Unload() }

// Sum queues out[i] = the sum mod 2^32 of word i of each row, for i < words: count rows of so many words, stride words apart. The rows lie at
// the beginning of their buffer and end within it. Errors: gpu.ErrSize.
func (r *Rows) Sum(s *gpu.Stream, out, rows *gpu.Buffer, count, stride, words int) error {
	if err := checkRows(out.Len(), rows.Len(), count, stride, words); err != nil || words == 0 {
		return err
	}
	const threads, each = 256, 4
	blocks := (words + threads*each - 1) / (threads * each)
	return s.Launch(r.function, gpu.Dim{X: blocks}, gpu.Dim{X: threads}, 0, out, rows, uint32(count), uint64(stride), uint64(words))
}

// checkRows holds a sum against the bytes of its buffers.
func checkRows(out, rows, count, stride, words int) error {
	const most = 1 << 40 // words, beyond any device, so that products below fit 64 bits
	switch {
	case count < 0 || words < 0 || stride < words || count > 1<<20 || int64(stride) > most:
		return fmt.Errorf("add rows: %w: %d rows of %d words, %d apart", gpu.ErrSize, count, words, stride)
	case words > out/4:
		return fmt.Errorf("add rows: %w: %d words into a buffer of %d bytes", gpu.ErrSize, words, out)
	case count > 0 && int64(count-1)*int64(stride)+int64(words) > int64(rows/4):
		return fmt.Errorf("add rows: %w: %d rows of %d words, %d apart, in a buffer of %d bytes", gpu.ErrSize, count, words, stride, rows)
	}
	return nil
}
