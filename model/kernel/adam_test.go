package kernel

import (
	"math"
	"testing"
)

// TestAdamFollowsThePaper runs several steps against algorithm 1 of arXiv 1412.6980 in float64.
func TestAdamFollowsThePaper(t *testing.T) {
	const rate, beta1, beta2, epsilon = 0.01, 0.9, 0.999, 1e-8
	everyLength(t, func(l level, row, grad []float32) {
		n := len(row)
		m, mStays := fenced(make([]float32, n))
		v, vStays := fenced(make([]float32, n))
		want, wm, wv := make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range want {
			want[i] = float64(row[i])
		}
		for step := 1; step <= 5; step++ {
			s := NewAdamStep(step, rate, beta1, beta2, epsilon)
			l.adam(&s, row, m, v, grad)
			for i := range want {
				g := float64(grad[i])
				wm[i] = beta1*wm[i] + (1-beta1)*g
				wv[i] = beta2*wv[i] + (1-beta2)*g*g
				want[i] -= rate * (wm[i] / (1 - math.Pow(beta1, float64(step)))) / (math.Sqrt(wv[i]/(1-math.Pow(beta2, float64(step)))) + epsilon)
				if !near(row[i], want[i], 1e-6*math.Max(1, math.Abs(want[i]))) || !near(m[i], wm[i], 1e-6*math.Abs(g)) || !near(v[i], wv[i], 1e-6*g*g) {
					t.Fatalf("%v: step %d at %d of %d: row %v, wants %v; m %v, %v; v %v, %v", l, step, i, n, row[i], want[i], m[i], wm[i], v[i], wv[i])
				}
				grad[i] = -grad[i] * 0.7
			}
		}
		if !mStays() || !vStays() {
			t.Fatalf("%v writes outside the moments of %d", l, n)
		}
	})
}

func TestAdamCarriesNaN(t *testing.T) {
	for _, l := range levels() {
		row, m, v, grad := make([]float32, 37), make([]float32, 37), make([]float32, 37), make([]float32, 37)
		for i := range grad {
			grad[i] = float32(math.NaN())
		}
		s := NewAdamStep(1, 0.01, 0.9, 0.999, 1e-8)
		l.adam(&s, row, m, v, grad)
		for i := range row {
			if !isNaN(row[i]) || !isNaN(m[i]) || !isNaN(v[i]) {
				t.Fatalf("%v: at %d row %v, m %v, v %v", l, i, row[i], m[i], v[i])
			}
		}
	}
}
