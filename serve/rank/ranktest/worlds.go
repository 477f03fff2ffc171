package ranktest

import (
	"math"
	"math/rand/v2"
)

// shape is the size of a question.
type shape struct{ titles, dim, queries, n int }

// world is one way to fill tables and queries, for a shape.
type world struct {
	name string
	fill func(rng *rand.Rand, s shape, vectors, biases, queries []float32)
}

func normals(rng *rand.Rand, dst []float32, scale float64) {
	for i := range dst {
		dst[i] = float32(rng.NormFloat64() * scale)
	}
}

// constant sets all of dst to x.
func constant(dst []float32, x float32) {
	for i := range dst {
		dst[i] = x
	}
}

// ordinary is numbers as a model has them, in different sizes.
func ordinary() []world {
	return []world{
		{"Normal", func(rng *rand.Rand, _ shape, v, b, q []float32) {
			normals(rng, v, 1)
			normals(rng, b, 1)
			normals(rng, q, 1)
		}},
		{"BiasesRule", func(rng *rand.Rand, _ shape, v, b, q []float32) {
			normals(rng, v, 1e-3)
			normals(rng, b, 10)
			normals(rng, q, 1)
		}},
		{"AllNegative", func(rng *rand.Rand, _ shape, v, b, q []float32) {
			normals(rng, v, 0.1)
			normals(rng, q, 0.1)
			constant(b, -1000)
		}},
		{"NormsOfAllSizes", func(rng *rand.Rand, s shape, v, b, q []float32) {
			for row := range s.titles {
				normals(rng, v[row*s.dim:(row+1)*s.dim], math.Pow(10, rng.Float64()*12-6))
			}
			normals(rng, q, 1)
		}},
	}
}

// ties is tables in which rows, not scores, decide.
func ties() []world {
	return []world{
		{"AllEqual", func(_ *rand.Rand, _ shape, v, b, q []float32) {
			constant(v, 0.1)
			constant(b, 0.3)
			constant(q, 0.7)
		}},
		{"AllZero", func(*rand.Rand, shape, []float32, []float32, []float32) {}},
		{"Duplicates", func(rng *rand.Rand, s shape, v, b, q []float32) {
			normals(rng, v, 1)
			for row := 7; row < s.titles; row++ {
				copy(v[row*s.dim:(row+1)*s.dim], v[row%7*s.dim:])
			}
			normals(rng, q, 1)
		}},
		{"SmallIntegers", func(rng *rand.Rand, _ shape, v, b, q []float32) {
			for _, x := range [][]float32{v, b, q} {
				for i := range x {
					x[i] = float32(rng.IntN(3) - 1)
				}
			}
		}},
		// Scores that differ by less than a float32 sum can tell, around a large common part.
		{"NearlyEqual", func(rng *rand.Rand, s shape, v, b, q []float32) {
			normals(rng, v[:s.dim], 1)
			for row := 1; row < s.titles; row++ {
				for k := range s.dim {
					v[row*s.dim+k] = v[k] * (1 + float32(rng.IntN(3)-1)*0x1p-23)
				}
			}
			normals(rng, q, 1)
		}},
	}
}

// orders is tables whose scores rise or fall with the row: nothing, or everything, beats what was found before.
func orders() []world {
	sorted := func(sign float32) func(*rand.Rand, shape, []float32, []float32, []float32) {
		return func(rng *rand.Rand, _ shape, v, b, q []float32) {
			normals(rng, v, 1e-6)
			normals(rng, q, 1)
			for row := range b {
				b[row] = sign * float32(row)
			}
		}
	}
	return []world{{"Rising", sorted(1)}, {"Falling", sorted(-1)}, {"OneGiant", func(rng *rand.Rand, s shape, v, b, q []float32) {
		normals(rng, v, 1)
		normals(rng, q, 1)
		giant := s.titles / 2 * s.dim
		normals(rng, v[giant:giant+s.dim], 1e15)
	}}}
}

// edges is numbers near the ends of float32.
func edges() []world {
	return []world{
		{"Overflow", func(rng *rand.Rand, _ shape, v, b, q []float32) {
			normals(rng, v, 1e30)
			normals(rng, q, 1e10)
		}},
		{"Greatest", func(rng *rand.Rand, _ shape, v, b, q []float32) {
			for _, x := range [][]float32{v, b, q} {
				for i := range x {
					x[i] = math.MaxFloat32 * float32(rng.IntN(3)-1)
				}
			}
		}},
		// Large products that cancel: nothing is left of a float32 sum, or it is no number at all.
		{"Cancelling", func(rng *rand.Rand, s shape, v, b, q []float32) {
			normals(rng, v, 1)
			normals(rng, b, 1)
			normals(rng, q, 1)
			for row := 0; row < s.titles && s.dim > 2; row++ {
				v[row*s.dim], v[row*s.dim+1] = 3e30, -3e30
			}
			for i := 0; i < s.queries && s.dim > 2; i++ {
				q[i*s.dim], q[i*s.dim+1] = 1e20, 1e20
			}
		}},
		{"Denormal", func(rng *rand.Rand, _ shape, v, b, q []float32) {
			for _, x := range [][]float32{v, b} {
				for i := range x {
					x[i] = float32(rng.IntN(9)-4) * math.SmallestNonzeroFloat32
				}
			}
			normals(rng, q, 1)
		}},
		{"Underflow", func(rng *rand.Rand, _ shape, v, b, q []float32) {
			normals(rng, v, 1e-25)
			normals(rng, q, 1e-20)
		}},
	}
}
