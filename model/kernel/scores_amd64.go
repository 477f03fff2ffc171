package kernel

import "unsafe"

// nt takes rows of a in fours, twos and ones, each against the blocks of rows of b that fit, and what is left of b one
// product at a time.
func (l level) nt(c, a, b []float32, m, n, k int, add bool) {
	if l == portable {
		portableNT(c, a, b, m, n, k, add)
		return
	}
	if m == 0 || n == 0 {
		return
	}
	lanes, most := l.lanes(), 2
	t := tile{b: element(b, 0), lineC: uintptr(n) * word, down: uintptr(k) * word, k: uintptr(k / lanes), add: flag(add)}
	if l == avx512 {
		most = 4
		t.mask = uintptr(1)<<(k%lanes) - 1
	}
	for i := 0; i < m; {
		rows := most
		for rows > m-i {
			rows /= 2
		}
		columns := lanes / rows
		whole := n - n%columns
		if whole > 0 {
			t.c, t.a, t.blocks = element(c, i*n), element(a, i*k), uintptr(whole/columns)
			l.scores(&t, rows)
			if l == avx2 && k%lanes != 0 {
				restOfK(c[i*n:], a[i*k:], b, rows, n, whole, k, k-k%lanes)
			}
		}
		l.restOfRows(c[i*n:], a[i*k:], b, rows, n, whole, k, add)
		i += rows
	}
}

// restOfRows computes the columns of c from the given place on, a product at a time.
func (l level) restOfRows(c, a, b []float32, m, n, from, k int, add bool) {
	for i := range m {
		for j := from; j < n; j++ {
			s := l.dot(a[i*k:][:k], b[j*k:][:k])
			if add {
				s += c[i*n+j]
			}
			c[i*n+j] = s
		}
	}
}

// restOfK adds the products along k from the given place on.
func restOfK(c, a, b []float32, m, n, columns, k, from int) {
	for i := range m {
		for j := range columns {
			c[i*n+j] += portableDot(a[i*k+from:i*k+k], b[j*k+from:j*k+k])
		}
	}
}

func (l level) scores(t *tile, rows int) {
	p := (*byte)(unsafe.Pointer(t))
	switch {
	case l == avx512 && rows == 4:
		scores4x4AVX512(p)
	case l == avx512 && rows == 2:
		scores2x8AVX512(p)
	case l == avx512:
		scores1x16AVX512(p)
	case rows == 2:
		scores2x4AVX2(p)
	default:
		scores1x8AVX2(p)
	}
}
