//go:build !amd64

package lanes

// levels are the forms that this processor runs, best first.
func levels() []level { return []level{portable} }

func (level) addSquares(sums *Lanes, x []float32) { addSquaresGo(sums, x) }

func (level) scale(x []float32, by float32) { scaleGo(x, by) }

func (level) round(out []int32, x []float32, coins []byte, unit, limit float32) uint32 {
	return roundGo(out, x, coins, unit, limit)
}

func (level) squares(x []int32) uint64 { return squaresGo(x) }

func (level) add(dst, x []int32) { addGo(dst, x) }
