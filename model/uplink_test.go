package model

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// uplinkLayout has a tensor before and one behind the item vectors.
func uplinkLayout(items, dim int) Layout {
	l := Layout{Family: "test", Dim: dim, Tensors: []Tensor{{"a", []int{3}, 1}, {"v", []int{items, dim}, 1}, {"b", []int{items}, 1}}}
	for i := range items {
		l.Items = append(l.Items, fmt.Sprint("t", i))
	}
	return l
}

func normals(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

func TestSubspaceIsOrthonormal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.IntRange(2, 80).Draw(t, "d")
		r := rapid.IntRange(1, d-1).Draw(t, "r")
		q := subspace(d, r, sha256.Sum256([]byte{byte(rapid.IntRange(0, 255).Draw(t, "start"))}))
		for a := range r {
			for b := range r {
				var sum float64
				for i := range d {
					sum += float64(q[i*r+a]) * float64(q[i*r+b])
				}
				want := 0.0
				if a == b {
					want = 1
				}
				if math.Abs(sum-want) > 1e-6 {
					t.Fatalf("columns %d and %d of %d × %d: inner product %v, want %v", a, b, d, r, sum, want)
				}
			}
		}
	})
}

// The basis is part of the protocol: a device and a coordinator of different programs must make the same one.
func TestSubspaceOfAKnownStart(t *testing.T) {
	var raw []byte
	for _, v := range subspace(32, 8, sha256.Sum256([]byte("model"))) {
		raw = appendFloat(raw, v)
	}
	sum := sha256.Sum256(raw)
	const want = "4fcf3d12c29ca405d6a072700e6a9ace45f0c7ddf3bb3ed8ae45307ad2a47cf5"
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Fatalf("basis %s, want %s (docs/spec/snapshot.md 8)", got, want)
	}
	other := subspace(32, 8, sha256.Sum256([]byte("another model")))
	if other[0] == subspace(32, 8, sha256.Sum256([]byte("model")))[0] {
		t.Fatal("two models give the same basis")
	}
}

func TestGrowAfterShrinkIsAProjection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items, dim := rapid.IntRange(1, 20).Draw(t, "items"), rapid.IntRange(2, 40).Draw(t, "dim")
		rank := rapid.IntRange(1, dim-1).Draw(t, "rank")
		l := uplinkLayout(items, dim)
		u := NewUplink(l, uint32(rank), sha256.Sum256([]byte("model")))
		if want := 3 + items*rank + items; u.Words() != want || uplinkWords(l, uint32(rank)) != want {
			t.Fatalf("%d words and %d, want %d", u.Words(), uplinkWords(l, uint32(rank)), want)
		}
		g := normals(rand.New(rand.NewPCG(1, uint64(items*dim))), l.Size())
		sent, once := make([]float32, u.Words()), make([]float32, l.Size())
		u.Shrink(sent, g)
		u.Grow(once, sent)
		// (G·Q)·Qᵀ again changes nothing, what it took off is at a right angle to it, and other tensors are as they were.
		sent2, twice := make([]float32, u.Words()), make([]float32, l.Size())
		u.Shrink(sent2, once)
		u.Grow(twice, sent2)
		near(t, sent2, sent)
		near(t, twice, once)
		at, n, _ := l.Offset("v")
		var inner float64
		for i := range g {
			if i >= at && i < at+n {
				inner += float64(once[i]) * float64(g[i]-once[i])
			} else if once[i] != g[i] {
				t.Fatalf("coordinate %d outside the item vectors was %v and came back as %v", i, g[i], once[i])
			}
		}
		if math.Abs(inner) > 1e-4*float64(n) {
			t.Fatalf("the part that was taken off has inner product %v with what is left", inner)
		}
	})
}

func near(t interface{ Fatalf(string, ...any) }, got, want []float32) {
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > 2e-5 {
			t.Fatalf("coordinate %d is %v, want %v", i, got[i], want[i])
		}
	}
}

// What travels is linear in the update, so a sum of forms is the form of the sum.
func TestUplinkIsLinear(t *testing.T) {
	l := uplinkLayout(50, 16)
	u := NewUplink(l, 4, sha256.Sum256([]byte("model")))
	rng := rand.New(rand.NewPCG(1, 2))
	const people = 20
	total, want := make([]float32, l.Size()), make([]float32, u.Words())
	sum := make([]float32, u.Words())
	for range people {
		g, sent := normals(rng, l.Size()), make([]float32, u.Words())
		u.Shrink(sent, g)
		for i, v := range g {
			total[i] += v
		}
		for i, v := range sent {
			sum[i] += v
		}
		// A factor of two is exact in floats: so must the form be.
		for i := range g {
			g[i] *= -2
		}
		doubled := make([]float32, u.Words())
		u.Shrink(doubled, g)
		for i := range sent {
			if doubled[i] != -2*sent[i] {
				t.Fatalf("coordinate %d of -2·update is %v, want %v exactly", i, doubled[i], -2*sent[i])
			}
		}
	}
	u.Shrink(want, total)
	for i := range want {
		if math.Abs(float64(sum[i]-want[i])) > 1e-4 {
			t.Fatalf("coordinate %d of the sum of forms is %v, of the form of the sum %v", i, sum[i], want[i])
		}
	}
}

func TestUplinkWithoutRankSendsEverything(t *testing.T) {
	l := uplinkLayout(7, 8)
	g := normals(rand.New(rand.NewPCG(3, 4)), l.Size())
	for _, rank := range []uint32{0, 8, 9, math.MaxUint32} {
		u := NewUplink(l, rank, [32]byte{1})
		if u.Words() != l.Size() || uplinkWords(l, rank) != l.Size() {
			t.Fatalf("rank %d: %d words, want all %d", rank, u.Words(), l.Size())
		}
		sent, back := make([]float32, l.Size()), make([]float32, l.Size())
		u.Shrink(sent, g)
		u.Grow(back, sent)
		for i := range g {
			if sent[i] != g[i] || back[i] != g[i] {
				t.Fatalf("rank %d: coordinate %d was %v, travelled as %v, came back as %v", rank, i, g[i], sent[i], back[i])
			}
		}
	}
}

func BenchmarkShrink(b *testing.B) {
	l := uplinkLayout(3706, 32)
	for _, rank := range []uint32{4, 8, 16} {
		b.Run(fmt.Sprint("rank=", rank), func(b *testing.B) {
			u := NewUplink(l, rank, [32]byte{1})
			g, sent := normals(rand.New(rand.NewPCG(3, 4)), l.Size()), make([]float32, u.Words())
			for b.Loop() {
				u.Shrink(sent, g)
			}
		})
	}
}
