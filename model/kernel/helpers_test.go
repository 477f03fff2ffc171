package kernel

import (
	"math"
	"math/rand/v2"
)

func normals(rng *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

// fenced copies v between two stretches of known values; stays tells whether they are still there.
func fenced(v []float32) (inner []float32, stays func() bool) {
	const wide, mark = 64, 12345
	all := make([]float32, wide+len(v)+wide)
	for i := range all {
		all[i] = mark
	}
	copy(all[wide:], v)
	return all[wide:][:len(v)], func() bool {
		for i := range wide {
			if all[i] != mark || all[wide+len(v)+i] != mark {
				return false
			}
		}
		return true
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

func isNaN(v float32) bool { return math.IsNaN(float64(v)) }
