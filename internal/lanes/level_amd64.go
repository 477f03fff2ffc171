package lanes

import "golang.org/x/sys/cpu"

const (
	avx2   level = 1
	avx512 level = 2
)

// levels are the forms that this processor runs, best first.
func levels() []level {
	out := []level{portable}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		out = append([]level{avx2}, out...)
		if cpu.X86.HasAVX512F {
			out = append([]level{avx512}, out...)
		}
	}
	return out
}

func (l level) addSquares(sums *Lanes, x []float32) {
	switch l {
	case avx512:
		addSquaresAVX512((*[Width]float64)(sums), &x[0], len(x))
	case avx2:
		addSquaresAVX2((*[Width]float64)(sums), &x[0], len(x))
	default:
		addSquaresGo(sums, x)
	}
}

func (l level) scale(x []float32, by float32) {
	switch l {
	case avx512:
		scaleAVX512(&x[0], len(x), by)
	case avx2:
		scaleAVX2(&x[0], len(x), by)
	default:
		scaleGo(x, by)
	}
}

func (l level) round(out []int32, x []float32, coins []byte, unit, limit float32) uint32 {
	switch l {
	case avx512:
		return roundAVX512(&out[0], &x[0], &coins[0], len(x), unit, limit)
	case avx2:
		return roundAVX2(&out[0], &x[0], &coins[0], len(x), unit, limit)
	}
	return roundGo(out, x, coins, unit, limit)
}

func (l level) squares(x []int32) uint64 {
	switch l {
	case avx512:
		return squaresAVX512(&x[0], len(x))
	case avx2:
		return squaresAVX2(&x[0], len(x))
	}
	return squaresGo(x)
}

func (l level) add(dst, x []int32) {
	switch l {
	case avx512:
		addAVX512(&dst[0], &x[0], len(x))
	case avx2:
		addAVX2(&dst[0], &x[0], len(x))
	default:
		addGo(dst, x)
	}
}
