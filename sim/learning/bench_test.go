package learning

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/internal/realdata"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/kernel"
)

const benchUsers, benchItems, benchPairs = 6040, 3706, 994_169 // MovieLens 1M without everyone's last item

// cpu is the processor time of this process so far, the garbage collector's included.
func cpu(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// movielens are the training histories of MovieLens 1M.
func movielens(b *testing.B) [][]model.Example {
	f, err := os.Open(filepath.Join(realdata.Folder(b, "ml-1m"), "train.pairs.tsv.gz"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	out := make([][]model.Example, benchUsers)
	lines := bufio.NewScanner(z)
	for n := 1; lines.Scan(); n++ {
		var user, item int
		if _, err := fmt.Sscanf(lines.Text(), "%d\t%d", &user, &item); err != nil || user < 0 || user >= benchUsers || item < 0 || item >= benchItems {
			b.Fatalf("line %d of the training pairs: %q", n, lines.Text())
		}
		out[user] = append(out[user], model.Example{Item: item})
	}
	if err := lines.Err(); err != nil {
		b.Fatal(err)
	}
	return out
}

// alike are random histories of the same number and mean length, log-normally long, popular titles more often.
func alike() [][]model.Example {
	rng := rand.New(rand.NewPCG(1, 1))
	out := make([][]model.Example, benchUsers)
	const spread = 1.0
	mean := float64(benchPairs) / benchUsers
	for u := range out {
		length := int(mean * math.Exp(spread*rng.NormFloat64()-spread*spread/2))
		for range min(max(length, 19), 2300) {
			x := rng.Float64()
			out[u] = append(out[u], model.Example{Item: int(benchItems * x * x)})
		}
	}
	return out
}

// BenchmarkRound is one round of 604 devices on the shape of MovieLens 1M, as bench/peers prints it: width 32, 4 cuts, one local step,
// the softmax over the whole catalogue; training, clip, quantising, sum and the server's step. The baseline is the products of that
// training alone, which nothing that trains on these samples can leave out: scores, and the gradient of both towers.
func BenchmarkRound(b *testing.B) {
	for name, histories := range map[string]func(b *testing.B) [][]model.Example{
		"ml-1m": movielens,
		"alike": func(*testing.B) [][]model.Example { return alike() },
	} {
		b.Run(name, func(b *testing.B) { benchmarkRound(b, histories(b)) })
	}
}

func benchmarkRound(b *testing.B, people [][]model.Example) {
	const members, dim, cuts = 604, 32, 4
	items := make([]string, benchItems)
	for i := range items {
		items[i] = fmt.Sprint(i)
	}
	start, err := model.Spec{Family: model.TwoTowerFamily, Dim: dim}.New(items, nil)
	if err != nil {
		b.Fatal(err)
	}
	cfg := Config{Rounds: 1, Cohort: members, Grid: aggregation.Grid{C: 0.5, CInt: 2852, XMax: 2852, WordBits: 32},
		Local:     model.Local{Name: model.TwoTowerFamily, Version: 1, Steps: 1, Cuts: cuts, Next: 5, Dropout: 0.3, Rate: 1, RateDense: 0.1},
		Optimizer: model.Optimizer{Rate: 0.03, Beta1: 0.9, Beta2: 0.99, Average: 0.9, PerCoordinate: true}}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	v, z, s := make([]float32, benchItems*dim), make([]float32, cuts*dim), make([]float32, cuts*benchItems)
	var round, products time.Duration
	for b.Loop() {
		before := cpu(b)
		if _, err := Run(cfg, start, people); err != nil {
			b.Fatal(err)
		}
		round += cpu(b) - before
		b.StopTimer()
		before = cpu(b)
		for range members {
			kernel.NT(s, z, v, cuts, benchItems, dim)
			kernel.NN(z, s, v, cuts, dim, benchItems)
			kernel.TN(v, s, z, benchItems, dim, cuts)
		}
		products += cpu(b) - before
		cfg.Seed++
		b.StartTimer()
	}
	b.ReportMetric(round.Seconds()/float64(b.N), "cpu-s/round")
	b.ReportMetric(round.Seconds()/products.Seconds(), "x-of-products")
}
