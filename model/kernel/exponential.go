package kernel

import "math"

// Softmax replaces x by exp(x[i] − logSum) and returns logSum = log Σ exp(x[j]), so that the loss of target t is
// logSum − x[t] with the score of before. −Inf leaves an item out; all −Inf, a +Inf or a NaN make everything NaN. The
// logarithm of no item is −Inf.
func Softmax(x []float32) (logSum float64) { return best.softmax(x) }

func (l level) softmax(x []float32) float64 {
	top := l.greatest(x, float32(math.Inf(-1)))
	sum := l.expSum(x, top)
	l.scale(float32(1/sum), x)
	return float64(top) + math.Log(sum)
}
