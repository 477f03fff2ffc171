package batch

import (
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

// The shape of MovieLens 1M, as in bench/peers/pytorch_train.py.
const peerUsers, peerItems = 6040, 3706

// mix is the finaliser of splitmix64.
func mix(x uint64) uint64 {
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9
	x = (x ^ (x >> 27)) * 0x94D049BB133111EB
	return x ^ (x >> 31)
}

// draw makes the samples of bench/peers/pytorch_train.py: sample k is the same there. With negatives, one in five was watched.
func draw(n int, negatives bool) (users, items []int32, labels []float32) {
	users, items, labels = make([]int32, n), make([]int32, n), make([]float32, n)
	for k := range n {
		h1 := mix(uint64(k+1) * 0x9E3779B97F4A7C15)
		h2 := mix(h1 + 1)
		h3 := mix(h2 + 1)
		users[k] = int32((h1 >> 32) % peerUsers)
		if !negatives || h2%5 == 0 {
			unit := float64(h3>>40) / (1 << 24)
			items[k], labels[k] = int32(math.Floor(peerItems*unit*unit)), 1
		} else {
			items[k] = int32(h3 % peerItems)
		}
	}
	return users, items, labels
}

// cpu is the processor time of this process so far, the garbage collector's included.
func cpu(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPeer is a step on a batch of 256, of the models and samples that bench/peers/pytorch trains with PyTorch too. The
// baseline is the matrix products of such a step by plain loops.
func BenchmarkPeer(b *testing.B) {
	const batches = 630
	tower := TwoTowerShape(peerUsers, peerItems)
	tables := tower
	tables.Layers = nil
	b.Run("neumf", func(b *testing.B) {
		shape := NeuMFShape(peerUsers, peerItems)
		m, err := NewNeuMF(shape, rand.New(rand.NewPCG(1, 1)))
		if err != nil {
			b.Fatal(err)
		}
		users, items, labels := draw(batches*shape.Batch, true)
		peer(b, 64*32+32*16+16*8, func(at int) error {
			lo, hi := at%batches*shape.Batch, (at%batches+1)*shape.Batch
			_, err := m.Step(users[lo:hi], items[lo:hi], labels[lo:hi])
			return err
		})
	})
	for name, shape := range map[string]Shape{"two-tower": tower, "tables": tables} {
		b.Run(name, func(b *testing.B) {
			m, err := NewTwoTower(shape, rand.New(rand.NewPCG(1, 1)))
			if err != nil {
				b.Fatal(err)
			}
			users, items, _ := draw(batches*shape.Batch, false)
			cells := shape.Batch * 32
			if len(shape.Layers) > 0 {
				cells += 2 * (32*64 + 64*32)
			}
			peer(b, cells, func(at int) error {
				lo, hi := at%batches*shape.Batch, (at%batches+1)*shape.Batch
				_, err := m.Step(users[lo:hi], items[lo:hi], nil)
				return err
			})
		})
	}
}

// peer runs steps of a model whose forward products are so many multiplications a sample; both gradients cost the same again.
func peer(b *testing.B, cells int, step func(at int) error) {
	const width, batch, warm = 64, 256, 30
	for at := range warm {
		if err := step(at); err != nil {
			b.Fatal(err)
		}
	}
	x, y := make([]float32, width), make([]float32, width)
	began := time.Now()
	for k := range 3 * batch * cells / width {
		a := float32(k%7) - 3
		for i, v := range x {
			y[i] += a * v
		}
	}
	plain := time.Since(began)
	b.ReportAllocs()
	before, at := cpu(b), warm
	for b.Loop() {
		if err := step(at); err != nil {
			b.Fatal(err)
		}
		at++
	}
	spent := cpu(b) - before
	b.ReportMetric(batch*float64(b.N)/spent.Seconds(), "samples/cpu-s")
	b.ReportMetric(float64(plain)*float64(b.N)/float64(spent), "x-plain-products")
}
