package kernel

import "math"

// Exp replaces each value of x by its exponential, to 2 units in the last place: 0 below −104, +Inf above 88.73.
func Exp(x []float32) { best.exp(x) }

// Sigmoid replaces each value of x by 1/(1 + exp(−x)).
func Sigmoid(x []float32) { best.sigmoid(x) }

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
