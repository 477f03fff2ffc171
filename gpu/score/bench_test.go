package score

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/gputest"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/evaluate"
)

// ceiling is how many fused additions a second the device does in registers.
func ceiling(b *testing.B, d *gpu.Device, m *Model) float64 {
	b.Helper()
	f, err := m.kernels.module.Function("score_fused")
	if err != nil {
		b.Fatal(err)
	}
	grid := 2 * d.Info().Processors
	out, err := d.Alloc(4 * grid * threads)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Free()
	const count = 20000
	best := 0.0
	for range 3 {
		took := onStream(b, m.stream, func() error {
			return m.stream.Launch(f, gpu.Dim{X: grid}, gpu.Dim{X: threads}, 0, out, float32(0.5), float32(1), uint32(count))
		})
		best = max(best, float64(grid)*threads*64*count/took.Seconds())
	}
	return best
}

// onStream is the device's time for what is queued.
func onStream(b *testing.B, s *gpu.Stream, do func() error) time.Duration {
	b.Helper()
	from, err := s.Mark()
	if err == nil {
		err = do()
	}
	if err != nil {
		b.Fatal(err)
	}
	to, err := s.Mark()
	if err != nil {
		b.Fatal(err)
	}
	took, err := gpu.Between(from, to)
	if err != nil {
		b.Fatal(err)
	}
	from.Free()
	to.Free()
	return took
}

// additions is how many fused additions a user's places take: the product, the MLP half with its units, and for NCF the solved vector.
func (x shape) additions() float64 {
	one := float64(x.d)
	if x.ncf {
		one += float64(x.h1*x.h2+x.h2) + 2*float64(x.d)*float64(x.channels-1)
	}
	return one * float64(x.n)
}

// cpuUsers is how many users a second one core of the CPU scores.
func cpuUsers(b *testing.B, snap *model.Snapshot, histories [][]int) float64 {
	b.Helper()
	c := scorer(b, snap)
	dst := make([]float32, len(snap.Layout.Items))
	begin, n := time.Now(), 0
	for time.Since(begin) < time.Second {
		if err := c.Scores(0, histories[n%len(histories)], dst); err != nil {
			b.Fatal(err)
		}
		n++
	}
	return float64(n) / time.Since(begin).Seconds()
}

// crowd are questions of a data set's size: histories of 20 to 310 titles, 99 negatives of each kind.
func crowd(n, users int) []evaluate.Question {
	rng := rand.New(rand.NewPCG(1, 2))
	out := make([]evaluate.Question, users)
	for i := range out {
		items := make([]int, 20+rng.IntN(290)+199)
		start, step := rng.IntN(n), 2*rng.IntN(n/4)+1
		for k := range items {
			items[k] = (start + k*step) % n
		}
		q := evaluate.Question{User: i, Held: items[0], Uniform: items[1:100], Matched: items[100:199], History: items[199:]}
		out[i] = q
	}
	return out
}

// BenchmarkEvaluate ranks all users of MovieLens-shaped data: users a second, beside one core of the same machine and beside what the
// fused additions alone would take. ms-whole is a measurement from the model to all its figures.
func BenchmarkEvaluate(b *testing.B) {
	for _, x := range []struct {
		name       string
		n, users   int
		dim        int
		familyName string
	}{
		{"ml-1m/two-tower-64", 3706, 6040, 64, model.TwoTowerFamily}, {"ml-1m/ncf-32", 3706, 6040, 32, model.NCFFamily},
		{"ml-1m/ncf-64", 3706, 6040, 64, model.NCFFamily},
		{"ml-20m/two-tower-64", 26000, 138000, 64, model.TwoTowerFamily}, {"ml-20m/ncf-32", 26000, 138000, 32, model.NCFFamily},
	} {
		b.Run(x.name, func(b *testing.B) {
			d := gputest.Open(b)
			snap := snapshot(b, x.familyName, x.n, x.dim, ages(3), 1)
			m, err := loaded(b, d).New(snap)
			if err != nil {
				b.Fatal(err)
			}
			defer m.Close()
			questions := crowd(x.n, x.users)
			rank := func() error { _, err := m.Rank(questions); return err }
			if err := rank(); err != nil {
				b.Fatal(err)
			}
			took, count := time.Duration(0), 0
			for b.Loop() {
				begin := time.Now()
				if err := rank(); err != nil {
					b.Fatal(err)
				}
				took += time.Since(begin)
				count++
			}
			rate := float64(count*x.users) / took.Seconds()
			var histories [][]int
			for _, q := range questions[:100] {
				histories = append(histories, q.History)
			}
			b.ReportMetric(rate, "users/s")
			b.ReportMetric(rate/cpuUsers(b, snap, histories), "x-cpu-core")
			b.ReportMetric(rate*m.shape.additions()/ceiling(b, d, m), "x-ceiling")
			if x.n == 3706 {
				b.ReportMetric(whole(b, m.kernels, snap).Seconds()*1e3, "ms-whole")
			}
		})
	}
}

// whole is what a program waits for: the model is brought over, everybody ranked, and all figures, lists and intervals made.
func whole(b *testing.B, k *Kernels, snap *model.Snapshot) time.Duration {
	b.Helper()
	j := judge(b, people(3706, 6040, 330, 99, 5))
	bench := evaluate.Bench{Open: k.Open, Told: func(err error) { b.Error(err) }}
	best := time.Hour
	for range 5 {
		begin := time.Now()
		if _, err := bench.Measure(j, snap); err != nil {
			b.Fatal(err)
		}
		best = min(best, time.Since(begin))
	}
	return best
}

// BenchmarkNeuMF scores users against all titles and writes the scores on the device, as serving would take them: user-title scores a
// second by the device's clock, beside the ceiling and one core. With CINESYNC_PYTORCH naming a folder with the output of
// bench/gpu/score.py on the same GPU (score-pytorch.txt), it prints the ratio to that too.
func BenchmarkNeuMF(b *testing.B) {
	for _, x := range []struct{ n, users, dim int }{{3706, 1, 32}, {62000, 1, 32}, {62000, 256, 32}, {62000, 256, 64}} {
		b.Run(fmt.Sprintf("titles=%d/users=%d/dim=%d", x.n, x.users, x.dim), func(b *testing.B) {
			d := gputest.Open(b)
			snap := snapshot(b, model.NCFFamily, x.n, x.dim, ages(3), 1)
			m, err := loaded(b, d).New(snap)
			if err != nil {
				b.Fatal(err)
			}
			defer m.Close()
			var histories [][]int
			for _, q := range crowd(x.n, x.users) {
				histories = append(histories, q.History)
			}
			f := m.memory()
			defer f.free()
			u := m.solve(f, histories)
			scores := f.words(u.users * x.n)
			write := func() error {
				m.queue(f, u, scores)
				return f.err
			}
			onStream(b, m.stream, write)
			took, count := time.Duration(0), 0
			for b.Loop() {
				took += onStream(b, m.stream, write)
				count++
			}
			solved := onStream(b, m.stream, func() error { m.solve(f, histories); return f.err })
			rate := float64(count*x.users*x.n) / took.Seconds()
			additions := float64(x.dim + m.shape.h1*m.shape.h2 + m.shape.h2)
			b.ReportMetric(rate/1e9, "Gscores/s")
			b.ReportMetric(rate*additions/ceiling(b, d, m), "x-ceiling")
			b.ReportMetric(rate/float64(x.n)/cpuUsers(b, snap, histories), "x-cpu-core")
			b.ReportMetric(2*ceiling(b, d, m)/1e12, "TFLOP/s-ceiling")
			b.ReportMetric(solved.Seconds()*1e3, "ms-solve")
			if x.n == 62000 && x.users == 256 {
				for name, peer := range pytorch(b) {
					b.ReportMetric(rate/peer[fmt.Sprint(x.dim)], "x-pytorch-"+name)
				}
			}
		})
	}
}

// pytorch reads scores a second by precision and width.
func pytorch(b *testing.B) map[string]map[string]float64 {
	b.Helper()
	folder := os.Getenv("CINESYNC_PYTORCH")
	if folder == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(folder, "score-pytorch.txt"))
	if err != nil {
		b.Fatal(err)
	}
	var rates map[string]map[string]float64
	if err := json.Unmarshal(text, &rates); err != nil {
		b.Fatalf("PyTorch's rates in %s: %v", folder, err)
	}
	return rates
}
