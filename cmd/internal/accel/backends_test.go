package accel

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/gputest"
	"github.com/cinesync/cinesync/gpu/kernels"
	"github.com/cinesync/cinesync/serve/rank"
)

func TestWithoutAGPUTheCPUDoesIt(t *testing.T) {
	a, err := Open(Off, func(_ slog.Level, line string) { t.Errorf("said %q", line) })
	if err != nil || a.Accumulators() != nil || a.Finders() != nil || a.Scores() != nil || a.Trainer() != nil || a.Judge().Open != nil {
		t.Errorf("%v", err)
	}
}

// open opens the GPU, or skips the test.
func open(t *testing.T) (*Accel, *[]string) {
	t.Helper()
	gputest.Open(t)
	lines := new([]string)
	a, err := Open(Auto, func(_ slog.Level, line string) { *lines = append(*lines, line) })
	if err != nil || len(*lines) != 1 {
		t.Fatalf("%q %v", *lines, err)
	}
	return a, lines
}

// sums is a round's sum on the CPU and by what the program got: vectors, and more masks than the CPU is asked for.
type sums struct {
	shape        aggregation.Shape
	mine, theirs aggregation.Accumulator
}

func (s *sums) add(t *testing.T, masks int) {
	t.Helper()
	terms := make([]aggregation.Term, masks)
	for i := range terms {
		terms[i].Key[0], terms[i].Key[1], terms[i].Negative = byte(i), byte(i>>8), i%3 == 0
	}
	y := make([]byte, s.shape.Bytes())
	for i := range y {
		y[i] = byte(i * i >> 3)
	}
	for _, acc := range []aggregation.Accumulator{s.mine, s.theirs} {
		if err := acc.AddVector(y); err != nil {
			t.Fatal(err)
		}
		if err := acc.AddMasks(terms); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(s.mine.Sum(), s.theirs.Sum()) {
		t.Fatalf("the sums of %d masks differ", masks)
	}
}

func TestARoundsSumOnTheGPU(t *testing.T) {
	a, lines := open(t)
	s := sums{shape: aggregation.Shape{D: 100_003, WordBits: 32, PRG: aggregation.PRGAES128}}
	s.mine, s.theirs = aggregation.NewAccumulator(s.shape), a.Accumulators()(s.shape)
	s.add(t, 3)
	s.add(t, 500)
	if err := a.Close(); err != nil || len(*lines) != 1 {
		t.Errorf("%q %v", *lines, err)
	}
}

// TestAGPUIsLostInTheMiddleOfARound: the round's sum is what it would have been.
func TestAGPUIsLostInTheMiddleOfARound(t *testing.T) {
	if !gputest.Apart(t) {
		return
	}
	var lines []string
	a, err := Open(Auto, func(_ slog.Level, line string) { lines = append(lines, line) })
	if err != nil {
		t.Fatal(err)
	}
	s := sums{shape: aggregation.Shape{D: 100_003, WordBits: 24, PRG: aggregation.PRGChaCha20}}
	open, finders := a.Accumulators(), a.Finders()
	s.mine, s.theirs = aggregation.NewAccumulator(s.shape), open(s.shape)
	s.add(t, 500)
	fault(t, a.devices[0])
	s.add(t, 400)
	s.add(t, 300)
	s.mine, s.theirs = aggregation.NewAccumulator(s.shape), open(s.shape) // the next round
	s.add(t, 500)
	if len(lines) != 3 || !strings.HasPrefix(lines[1], "gpu: expanding masks failed, the CPU takes over: expand 400 masks of 100003 words: ") || !strings.Contains(lines[1], "CUDA_ERROR_ILLEGAL_ADDRESS") {
		t.Errorf("said %q", lines)
	}
	if _, err := finders(table(t)); !errors.Is(err, gpu.ErrLost) {
		t.Errorf("a finder on a lost GPU: %v", err)
	}
	if a.Finders() != nil || len(lines) != 4 || !strings.HasPrefix(lines[3], "gpu: finding lists failed, the CPU takes over: ") {
		t.Errorf("said %q", lines)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// fault runs a kernel that writes where nothing is.
func fault(t *testing.T, d *gpu.Device) {
	t.Helper()
	m, err := d.Load(kernels.Probe)
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Function("probe_fault")
	if err != nil {
		t.Fatal(err)
	}
	stream, err := d.Stream()
	if err != nil {
		t.Fatal(err)
	}
	err = stream.Launch(f, gpu.Dim{}, gpu.Dim{}, 0)
	if err == nil {
		err = stream.Wait()
	}
	if err == nil {
		t.Fatal("the kernel did not fail")
	}
}

func table(t *testing.T) *rank.Table {
	t.Helper()
	table, err := rank.NewTable([]float32{1, 2, 3, 4}, []float32{0, 0}, 2)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestListsOnTheGPU(t *testing.T) {
	a, _ := open(t)
	f, err := a.Finders()(table(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Find(rank.Batch{Queries: []float32{1, 1}, N: 2})
	if err != nil || !slices.Equal(got[0], []rank.Item{{Index: 1, Score: 7}, {Index: 0, Score: 3}}) {
		t.Errorf("%v %v", got, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}
