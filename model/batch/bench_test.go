package batch

import (
	"math"
	"math/rand/v2"
	"testing"
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

const peerBatches = 630

// BenchmarkNeuMF is one batch of 256 of the shape that make bench-peers trains with PyTorch too.
func BenchmarkNeuMF(b *testing.B) {
	m, err := NewNeuMF(NeuMFShape(peerUsers, peerItems), rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		b.Fatal(err)
	}
	users, items, labels := draw(peerBatches*256, true)
	b.ReportAllocs()
	at := 0
	for b.Loop() {
		lo, hi := at*256, (at+1)*256
		if _, err := m.Step(users[lo:hi], items[lo:hi], labels[lo:hi]); err != nil {
			b.Fatal(err)
		}
		at = (at + 1) % peerBatches
	}
	b.ReportMetric(256*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
}

// BenchmarkTwoTower is the same for two towers, with and without layers.
func BenchmarkTwoTower(b *testing.B) {
	for name, layers := range map[string][]int{"tables": nil, "towers": {64, 32}} {
		b.Run(name, func(b *testing.B) {
			shape := TwoTowerShape(peerUsers, peerItems)
			shape.Layers = layers
			m, err := NewTwoTower(shape, rand.New(rand.NewPCG(1, 1)))
			if err != nil {
				b.Fatal(err)
			}
			users, items, _ := draw(peerBatches*256, false)
			b.ReportAllocs()
			at := 0
			for b.Loop() {
				lo, hi := at*256, (at+1)*256
				if _, err := m.Step(users[lo:hi], items[lo:hi], nil); err != nil {
					b.Fatal(err)
				}
				at = (at + 1) % peerBatches
			}
			b.ReportMetric(256*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
		})
	}
}
