package masks_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/gputest"
	"github.com/cinesync/cinesync/gpu/kernels"
)

// coreRate is how many bytes of keystream a second one of this machine's cores adds, when all of them do.
func coreRate(b *testing.B, s aggregation.Shape) float64 {
	b.Helper()
	acc, list := aggregation.NewAccumulator(s), terms(64)
	runs, start := 0, time.Now()
	for runs < 2 || time.Since(start) < 500*time.Millisecond {
		if err := acc.AddMasks(list); err != nil {
			b.Fatal(err)
		}
		runs++
	}
	return float64(runs) * float64(len(list)) * float64(s.Bytes()) / time.Since(start).Seconds() / float64(runtime.GOMAXPROCS(0))
}

// benchExpand is a whole call: keys up, sum down. The baseline is one core of the same machine at the same work.
func benchExpand(b *testing.B, s aggregation.Shape, list []aggregation.Term) {
	d := gputest.Open(b)
	e := expander(b, d)
	if _, err := e.Expand(s, list[:1]); err != nil { // the kernel's first use
		b.Fatal(err)
	}
	bytes := float64(len(list)) * float64(s.Bytes())
	for b.Loop() {
		if _, err := e.Expand(s, list); err != nil {
			b.Fatal(err)
		}
	}
	rate, core := bytes*float64(b.N)/b.Elapsed().Seconds(), coreRate(b, s)
	b.ReportMetric(rate/1e9, "GB/s")
	b.ReportMetric(core/1e9, "cpu-core-GB/s")
	b.ReportMetric(rate/core, "x-cpu-cores")
	ceiling := ceiling(b, d, s.PRG)
	b.ReportMetric(ceiling/1e9, "ceiling-GB/s")
	b.ReportMetric(rate/ceiling, "x-of-ceiling")
}

// ceiling is what a device could do in bytes of keystream a second, if it did nothing but what the cipher has most of: look-ups in shared
// memory for AES, exclusive-ors and turns for ChaCha20.
func ceiling(b *testing.B, d *gpu.Device, prg uint16) float64 {
	b.Helper()
	const rounds = 1 << 15
	name, threads, blocks, shared, each := "ceiling_looks", 512, 1, 90<<10, 16
	block, work := 16.0, 133+15/4.0 // a block's first round takes one look-up, its second four and fifteen for four blocks, the others 16
	switch prg {
	case aggregation.PRGAES256:
		work += 4 * 16
	case aggregation.PRGChaCha20:
		name, threads, blocks, shared, each = "ceiling_turns", 256, 4, 0, 32
		block, work = 64, 77*8 // of 80 quarter rounds three are ready before a block begins
	}
	m, err := d.Load(kernels.Ceiling)
	if err != nil {
		b.Fatal(err)
	}
	f, err := m.Function(name)
	if err == nil {
		err = f.Shared(shared)
	}
	if err != nil {
		b.Fatal(err)
	}
	s, grid := gputest.Stream(b, d), d.Info().Processors*blocks
	out := alloc(b, d, 4*grid*threads)
	var best time.Duration
	for range 3 {
		took := timed(b, s, func() error { return s.Launch(f, gpu.Dim{X: grid}, gpu.Dim{X: threads}, shared, out, uint32(rounds)) })
		if best == 0 || took < best {
			best = took
		}
	}
	return float64(grid*threads) * rounds * float64(each) / best.Seconds() / work * block
}

func BenchmarkExpandAES128(b *testing.B)   { benchWords(b, aggregation.PRGAES128) }
func BenchmarkExpandAES256(b *testing.B)   { benchWords(b, aggregation.PRGAES256) }
func BenchmarkExpandChaCha20(b *testing.B) { benchWords(b, aggregation.PRGChaCha20) }

func benchWords(b *testing.B, prg uint16) {
	list := terms(4096)
	for _, bits := range []uint16{32, 24, 16} {
		b.Run(fmt.Sprintf("bits=%d", bits), func(b *testing.B) {
			benchExpand(b, aggregation.Shape{D: 4 << 20, WordBits: bits, PRG: prg}, list)
		})
	}
}

// BenchmarkSettle is what a round of 10,000 devices asks for, a tenth of which are lost, in a graph of degree 176: the self masks of
// 9,000 and, of each of the 1,000, the masks with some 158 survivors; 2^20 words of 32 bits, 0.7 TB of keystream.
func BenchmarkSettle(b *testing.B) {
	list := terms(9_000 + 1_000*158)
	b.Run("AES128", func(b *testing.B) {
		benchExpand(b, aggregation.Shape{D: 1 << 20, WordBits: 32, PRG: aggregation.PRGAES128}, list)
		b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s")
	})
	b.Run("ChaCha20", func(b *testing.B) {
		benchExpand(b, aggregation.Shape{D: 1 << 20, WordBits: 32, PRG: aggregation.PRGChaCha20}, list)
		b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s")
	})
}

// BenchmarkBreakEven is small calls, beside all cores at the same work: where the ratio is 1, aggregation.Offload.Least lies.
func BenchmarkBreakEven(b *testing.B) {
	e := expander(b, gputest.Open(b))
	s := aggregation.Shape{D: 1 << 15, WordBits: 32, PRG: aggregation.PRGAES128}
	for _, n := range []int{1, 8, 32, 128, 512, 2048} {
		list := terms(n)
		b.Run(fmt.Sprintf("KiB=%d", n*s.Bytes()>>10), func(b *testing.B) {
			b.SetBytes(int64(n * s.Bytes()))
			for b.Loop() {
				if _, err := e.Expand(s, list); err != nil {
					b.Fatal(err)
				}
			}
			ours := b.Elapsed().Seconds() / float64(b.N)
			b.ReportMetric(ours*coreRate(b, s)*float64(runtime.GOMAXPROCS(0))/float64(n*s.Bytes()), "x-time-of-all-cores")
		})
	}
}

// BenchmarkRowSum adds 256 rows of 16M words, timed on the device; the ceiling is the device's own copy of as many bytes, read and written.
func BenchmarkRowSum(b *testing.B) {
	const rows, words, copied = 256, 16 << 20, 8 << 30
	d := gputest.Open(b)
	r, s := rowAdder(b, d), gputest.Stream(b, d)
	in, out := alloc(b, d, 4*rows*words), alloc(b, d, 4*words)
	if err := errors.Join(s.Fill(in, 0, in.Len(), 3), s.Wait()); err != nil {
		b.Fatal(err)
	}
	sum, copying := time.Duration(0), time.Duration(0)
	for b.Loop() {
		sum += timed(b, s, func() error { return r.Sum(s, out, in, rows, words, words) })
		copying += timed(b, s, func() error { return s.Copy(in, 0, in, copied, copied) })
	}
	rate := 4 * words * float64(rows+1) * float64(b.N) / sum.Seconds()
	ceiling := 2 * copied * float64(b.N) / copying.Seconds()
	b.ReportMetric(rate/1e9, "GB/s")
	b.ReportMetric(ceiling/1e9, "copy-GB/s")
	b.ReportMetric(rate/ceiling, "x-of-copy")
}

// timed is how long the device took for what f queues.
func timed(b *testing.B, s *gpu.Stream, f func() error) time.Duration {
	b.Helper()
	from, err := s.Mark()
	if err != nil {
		b.Fatal(err)
	}
	defer from.Free()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	to, err := s.Mark()
	if err != nil {
		b.Fatal(err)
	}
	defer to.Free()
	took, err := gpu.Between(from, to)
	if err != nil {
		b.Fatal(err)
	}
	return took
}
