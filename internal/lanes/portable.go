package lanes

func addSquares(l *Lanes, x []float32) { addSquaresGo(l, x) }

func scale(x []float32, by float32) { scaleGo(x, by) }

func round(out []int32, x []float32, coins []byte, unit, limit float32) uint32 {
	return roundGo(out, x, coins, unit, limit)
}

func squares(x []int32) uint64 { return squaresGo(x) }

func add(dst, x []int32) { addGo(dst, x) }
