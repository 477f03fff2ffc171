package kernel

func (l level) greatest(x []float32, top float32) float32 {
	wide, narrow := l.parts(len(x))
	if wide > 0 {
		top = greatestAVX512(&x[0], wide, top)
		x = from(x, wide)
	}
	if narrow > 0 {
		top = greatestAVX2(&x[0], narrow, top)
		x = from(x, narrow)
	}
	return portableGreatest(x, top)
}

// expSum sums a few thousand values in float32 at a time, and those sums in float64: over a long catalogue a lane would
// lose what single items add.
func (l level) expSum(x []float32, top float32) (sum float64) {
	const most = 4096
	for len(x) > most && l != portable {
		sum += l.expSum(x[:most], top)
		x = x[most:]
	}
	wide, narrow := l.parts(len(x))
	if wide > 0 {
		sum += float64(expSumAVX512(&x[0], wide, top))
		x = from(x, wide)
	}
	if narrow > 0 {
		sum += float64(expSumAVX2(&x[0], narrow, top))
		x = from(x, narrow)
	}
	return sum + portableExpSum(x, top)
}
