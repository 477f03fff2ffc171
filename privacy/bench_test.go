package privacy

import (
	"fmt"
	"io"
	"slices"
	"testing"
	"time"
)

// countingReader tells how much of a stream was used.
type countingReader struct {
	r io.Reader
	n int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// BenchmarkSample gives the time of one sample, the random bytes it uses, and how many times longer it takes than reading
// just those bytes from the keystream.
func BenchmarkSample(b *testing.B) {
	for _, sigmaSq := range []uint64{16, 10_000, 1_263_226, MaxVariance} {
		b.Run(fmt.Sprintf("variance=%d", sigmaSq), func(b *testing.B) {
			stream := &countingReader{r: seeded(1)}
			g, err := NewGaussian(sigmaSq, stream)
			if err != nil {
				b.Fatal(err)
			}
			start := time.Now()
			for b.Loop() {
				if _, err := g.Sample(); err != nil {
					b.Fatal(err)
				}
			}
			took := time.Since(start)
			b.ReportMetric(float64(stream.n)/float64(b.N), "random-B/op")
			b.ReportMetric(float64(took)/float64(readKeystream(b, stream.n)), "x-of-keystream")
		})
	}
}

// readKeystream is the baseline: the same bytes in the same blocks, with nothing made of them.
func readKeystream(b *testing.B, n int) time.Duration {
	s, buf := seeded(1), make([]byte, sourceBytes)
	start := time.Now()
	for ; n > 0; n -= len(buf) {
		if _, err := s.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(start)
}

// BenchmarkClip measures and scales an update. The baseline reads it once, in the plainest loop.
func BenchmarkClip(b *testing.B) {
	const d = 125_370
	start := make([]float32, d)
	for i := range start {
		start[i] = float32(i%11) - 5
	}
	update := slices.Clone(start)
	b.SetBytes(4 * d)
	for b.Loop() {
		update[0] += 1e6 // beyond the bound again
		if _, err := Clip(update, 1e4); err != nil {
			b.Fatal(err)
		}
	}
	ours := b.Elapsed() / time.Duration(b.N)
	var sum float32
	began, runs := time.Now(), 100
	for range runs {
		for _, v := range start {
			sum += v
		}
	}
	if sum == 0 {
		b.Log("no sum")
	}
	b.ReportMetric(float64(ours)/float64(time.Since(began)/time.Duration(runs)), "x-of-reading")
}

// BenchmarkPerturb adds noise to a vector of 10^5, and compares it with copying the vector through Clip's norm pass.
func BenchmarkPerturb(b *testing.B) {
	const d = 100_000
	x, update := make([]int32, d), make([]float32, d)
	b.SetBytes(4 * d)
	start := time.Now()
	for b.Loop() {
		if _, err := Perturb(x, 1_263_226, seeded(2)); err != nil {
			b.Fatal(err)
		}
	}
	took := time.Since(start)
	start = time.Now()
	for range b.N {
		if _, err := Clip(update, 1); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(took)/float64(time.Since(start)), "x-of-clip")
	b.ReportMetric(float64(took.Nanoseconds())/float64(b.N)/d, "ns/coordinate")
}

// BenchmarkWorstCase bounds 5000 rounds at P = 60, and compares it with the same rounds when P does not bind.
func BenchmarkWorstCase(b *testing.B) {
	charges := make([]RoundCharge, 5000)
	for i := range charges {
		charges[i] = RoundCharge{Round: uint64(i), Units: Units(i*7919%1009 + 1)}
	}
	start := time.Now()
	for b.Loop() {
		WorstCase(charges, 60, 3, 1<<60)
	}
	took := time.Since(start)
	start = time.Now()
	for range b.N {
		WorstCase(charges, 1<<31, 3, 1<<60)
	}
	b.ReportMetric(float64(took)/float64(time.Since(start)), "x-of-unbound-P")
}

// BenchmarkReplay reads a ledger of 1000 entries from its bytes, and compares it with hashing them once.
func BenchmarkReplay(b *testing.B) {
	limits := Limits{Ceiling: 1 << 40, Participations: 1000, Spacing: 1}
	l := NewLedger(limits)
	var rows [][]byte
	for r := range uint64(1000) {
		rows = append(rows, pay(b, l, Debit{Round: r, Units: 5}).Append(nil))
	}
	start := time.Now()
	for b.Loop() {
		if _, err := load(limits, rows); err != nil {
			b.Fatal(err)
		}
	}
	took := time.Since(start)
	start = time.Now()
	for range b.N {
		for _, row := range rows {
			hashEntry(row[:entryBody])
		}
	}
	b.ReportMetric(float64(took)/float64(time.Since(start)), "x-of-hashing")
}

// BenchmarkPopulation debits a thousand rounds, and compares it with computing the worst case afresh after each of them.
func BenchmarkPopulation(b *testing.B) {
	for _, terms := range [][2]uint32{{30, 1}, {30, 2}} {
		b.Run(fmt.Sprintf("P=%d,b=%d", terms[0], terms[1]), func(b *testing.B) {
			const rounds = 1000
			start := time.Now()
			for b.Loop() {
				p := ruled(b, maxUnits-1)
				for r := range uint64(rounds) {
					if _, err := p.Debit(debit(r, 0, 1+Units(r%7), terms[0], terms[1])); err != nil {
						b.Fatal(err)
					}
				}
			}
			took := time.Since(start) / time.Duration(b.N)
			var charges []RoundCharge
			start = time.Now()
			for r := range uint64(rounds) {
				charges = append(charges, RoundCharge{Round: r, Units: 1 + Units(r%7)})
				WorstCase(charges, terms[0], terms[1], maxUnits)
			}
			b.ReportMetric(float64(took)/float64(time.Since(start)), "x-of-afresh")
		})
	}
}
