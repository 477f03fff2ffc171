package model

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// families are what every test of the shared interface runs over.
var families = []string{TwoTowerFamily, NCFFamily}

// ids names n titles.
func ids(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("movielens:movie:%d", i+1)
	}
	return out
}

// features gives n rows of f random public facts.
func features(n, f int, rng *rand.Rand) [][]float32 {
	out := make([][]float32, n)
	for i := range out {
		out[i] = make([]float32, f)
		for j := range out[i] {
			out[i][j] = float32(rng.IntN(3))
		}
	}
	return out
}

// start is version 0 of a family over n titles.
func start(t testing.TB, family string, n, dim int) *Snapshot {
	t.Helper()
	s, err := New(family, ids(n), features(n, 6, rand.New(rand.NewPCG(3, 4))), dim)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// disturbed is a start with every coordinate moved, so that no tensor is at a special point.
func disturbed(t testing.TB, family string, n, dim int, seed uint64) *Snapshot {
	t.Helper()
	s := start(t, family, n, dim)
	rng := rand.New(rand.NewPCG(seed, 9))
	for i := range s.Params {
		s.Params[i] += float32(rng.NormFloat64() * 0.2)
	}
	return s
}

// examples is a history of the given items, one an hour.
func examples(items ...int) []Example {
	out := make([]Example, len(items))
	for i, item := range items {
		out[i] = Example{Item: item, At: int64(3600 * (i + 1))}
	}
	return out
}

func mustLocal(t testing.TB, family string) Local {
	t.Helper()
	l, err := DefaultLocal(family)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mustOpen(t testing.TB, l Layout) Model {
	t.Helper()
	m, err := Open(l)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
