package kernel

// Each operation runs the widest form on whole vectors, then the narrower one on a vector of eight, then plain loops on
// fewer than eight values.

// parts tells how many of n values, in bytes, the form of sixteen and the form of eight take.
func (l level) parts(n int) (wide, narrow int) {
	if l == avx512 {
		wide = n &^ 15
	}
	if l != portable {
		narrow = (n - wide) &^ 7
	}
	return wide * int(word), narrow * int(word)
}

// from is v without its first bytes.
func from(v []float32, bytes int) []float32 { return v[bytes/int(word):] }

func (l level) dot(x, y []float32) (sum float32) {
	wide, narrow := l.parts(len(x))
	if wide > 0 {
		sum = dotAVX512(&x[0], &y[0], wide)
		x, y = from(x, wide), from(y, wide)
	}
	if narrow > 0 {
		sum += dotAVX2(&x[0], &y[0], narrow)
		x, y = from(x, narrow), from(y, narrow)
	}
	if len(x) > 0 {
		sum += portableDot(x, y)
	}
	return sum
}

// sumSquares takes two vectors at a time.
func (l level) sumSquares(x []float32) (sum float64) {
	if wide := len(x) &^ 31 * int(word); l == avx512 && wide > 0 {
		sum = sumSquaresAVX512(&x[0], wide)
		x = from(x, wide)
	}
	if narrow := len(x) &^ 15 * int(word); l != portable && narrow > 0 {
		sum += sumSquaresAVX2(&x[0], narrow)
		x = from(x, narrow)
	}
	return sum + portableSumSquares(x)
}

func (l level) axpy(a float32, x, y []float32) {
	wide, narrow := l.parts(len(x))
	if wide > 0 {
		axpyAVX512(a, &x[0], &y[0], wide)
		x, y = from(x, wide), from(y, wide)
	}
	if narrow > 0 {
		axpyAVX2(a, &x[0], &y[0], narrow)
		x, y = from(x, narrow), from(y, narrow)
	}
	portableAxpy(a, x, y)
}

func (l level) scale(a float32, x []float32) {
	wide, narrow := l.parts(len(x))
	if wide > 0 {
		scaleAVX512(a, &x[0], wide)
		x = from(x, wide)
	}
	if narrow > 0 {
		scaleAVX2(a, &x[0], narrow)
		x = from(x, narrow)
	}
	portableScale(a, x)
}

func (l level) reluBackward(grad, out []float32) {
	wide, narrow := l.parts(len(grad))
	if wide > 0 {
		reluBackwardAVX512(&grad[0], &out[0], wide)
		grad, out = from(grad, wide), from(out, wide)
	}
	if narrow > 0 {
		reluBackwardAVX2(&grad[0], &out[0], narrow)
		grad, out = from(grad, narrow), from(out, narrow)
	}
	portableReluBackward(grad, out)
}
