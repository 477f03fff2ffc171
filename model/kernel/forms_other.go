//go:build !amd64

package kernel

const best = portable

// levels are the forms that this processor runs, best first.
func levels() []level { return []level{portable} }

func (l level) nt(c, a, b []float32, m, n, k int, add bool) { portableNT(c, a, b, m, n, k, add) }
func (l level) nn(c, a, b []float32, m, n, k int, add bool) { portableNN(c, a, b, m, n, k, add) }
func (l level) tn(c, a, b []float32, m, n, k int, add bool) { portableTN(c, a, b, m, n, k, add) }

func (l level) dot(x, y []float32) float32                { return portableDot(x, y) }
func (l level) sumSquares(x []float32) float64            { return portableSumSquares(x) }
func (l level) axpy(a float32, x, y []float32)            { portableAxpy(a, x, y) }
func (l level) scale(a float32, x []float32)              { portableScale(a, x) }
func (l level) reluBackward(grad, out []float32)          { portableReluBackward(grad, out) }
func (l level) addBias(c, bias []float32, m int)          { portableAddBias(c, bias, m, len(bias)) }
func (l level) biasRelu(c, bias []float32, m int)         { portableBiasRelu(c, bias, m, len(bias)) }
func (l level) sumRows(dst, c []float32, m int)           { portableSumRows(dst, c, m, len(dst)) }
func (l level) greatest(x []float32, top float32) float32 { return portableGreatest(x, top) }
func (l level) expSum(x []float32, top float32) float64   { return portableExpSum(x, top) }
func (l level) adam(s *AdamStep, row, m, v, grad []float32) {
	portableAdam(s, row, m, v, grad)
}
