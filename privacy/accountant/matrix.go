package accountant

import "math"

// maxCoefs bounds coefficients, and the steps of a plan.
const maxCoefs = 1 << 17

// StrategyCoefs returns C(2k,k)/4^k for k < n: the first column of the square root of the prefix sums, which is the strategy of
// correlated noise (design: privacy 15.1).
func StrategyCoefs(n int) ([]float64, error) {
	return ratios(n, func(k float64) float64 { return (2*k - 1) / (2 * k) })
}

// NoisingCoefs returns the coefficients of the inverse: what step k subtracts of the noise before.
func NoisingCoefs(n int) ([]float64, error) {
	return ratios(n, func(k float64) float64 { return (2*k - 3) / (2 * k) })
}

func ratios(n int, ratio func(k float64) float64) ([]float64, error) {
	if err := whole("n", n, 1, maxCoefs); err != nil {
		return nil, err
	}
	out := make([]float64, n)
	out[0] = 1
	for k := 1; k < n; k++ {
		out[k] = out[k-1] * ratio(float64(k))
	}
	return out, nil
}

// inverse returns the first column of the inverse of the lower triangular Toeplitz matrix of coefs, to n rows. coefs[0] is 1.
func inverse(coefs []float64, n int) []float64 {
	out := make([]float64, n)
	out[0] = 1
	for i := 1; i < n; i++ {
		for k := 1; k < len(coefs) && k <= i; k++ {
			out[i] -= coefs[k] * out[i-k]
		}
	}
	return out
}

// prefixError returns the mean over steps of the variance of noise in the prefix sums, for noise of variance 1 before the inverse of the
// strategy is applied: ‖A·C^−1‖²/n, A the prefix sums.
func prefixError(coefs []float64, n int) float64 {
	var sum, row float64
	for j, c := range inverse(coefs, n) {
		row += c
		sum += float64(n-j) * row * row
	}
	return sum / float64(n)
}

// columnsNorm returns the norm of Σ_j C[:, j·apart], j < most, over n rows.
func columnsNorm(coefs []float64, n, apart, most int) float64 {
	var sum float64
	for row := range n {
		var v float64
		for j := 0; j < most && j*apart <= row; j++ {
			if k := row - j*apart; k < len(coefs) {
				v += coefs[k]
			}
		}
		sum += v * v
	}
	return math.Sqrt(sum)
}
