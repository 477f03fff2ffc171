package kernel

import "unsafe"

// tile is what assembly is told of a product: places, distances in bytes, counts. _asm/tile.go knows the offsets; every
// field has eight bytes.
type tile struct {
	c, a, b     *float32
	lineC       uintptr // between rows of c
	down, along uintptr // in a: between the factors of two rows of c, and of two steps along k; NT: down between rows of a and b
	lineB       uintptr // between rows of b
	k           uintptr // steps along k; NT: whole vectors along k
	blocks      uintptr // blocks of rows of c; NT: of rows of b
	add         uintptr // 1: c is added to
	mask        uintptr // AVX-512: lanes of the last vector in a row of c; NT: lanes of a last vector along k, or 0
}

const word = unsafe.Sizeof(float32(0))

// element is the place of v[i]; it may lie just behind the end, where it is not read.
func element(v []float32, i int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(v)), uintptr(i)*word))
}

func flag(add bool) uintptr {
	if add {
		return 1
	}
	return 0
}

func (l level) nn(c, a, b []float32, m, n, k int, add bool) {
	if l == portable {
		portableNN(c, a, b, m, n, k, add)
		return
	}
	l.rows(c, a, b, m, n, k, k, 1, add)
}

func (l level) tn(c, a, b []float32, m, n, k int, add bool) {
	if l == portable {
		portableTN(c, a, b, m, n, k, add)
		return
	}
	l.rows(c, a, b, m, n, k, 1, m, add)
}

// rows is the loop of NN and TN, panel by panel of c. Without masks the columns behind the last whole vector are left to
// plain loops.
func (l level) rows(c, a, b []float32, m, n, k, down, along int, add bool) {
	if m == 0 || n == 0 {
		return
	}
	if k == 0 {
		if !add {
			clear(c[:m*n])
		}
		return
	}
	lanes := l.lanes()
	t := tile{lineC: uintptr(n) * word, down: uintptr(down) * word, along: uintptr(along) * word, lineB: uintptr(n) * word,
		k: uintptr(k), add: flag(add)}
	j := 0
	for j < n {
		columns := min(n-j, 2*lanes)
		if l != avx512 {
			columns = columns / lanes * lanes
		}
		if columns == 0 {
			break
		}
		width := (columns + lanes - 1) / lanes
		t.mask = uintptr(1)<<(columns-(width-1)*lanes) - 1
		t.b = element(b, j)
		l.panel(&t, c, a, j, m, n, down, width)
		j += columns
	}
	if j < n {
		strip(c, a, b, j, m, n, k, down, along, add)
	}
}

// panel goes down one panel of c in tiles of equal height, and one lower at the end.
func (l level) panel(t *tile, c, a []float32, j, m, n, down, width int) {
	high := l.tileRows(width)
	if m > high {
		high = min(high, 8)
	}
	for i := 0; i < m; {
		rows := min(m-i, high)
		blocks := (m - i) / rows
		t.c, t.a, t.blocks = element(c, i*n+j), element(a, i*down), uintptr(blocks)
		l.tile(t, rows, width)
		i += rows * blocks
	}
}

// strip computes the columns of c from j on, one value at a time.
func strip(c, a, b []float32, j, m, n, k, down, along int, add bool) {
	for ; j < n; j++ {
		for i := range m {
			var s float32
			if add {
				s = c[i*n+j]
			}
			for p := range k {
				s += a[i*down+p*along] * b[p*n+j]
			}
			c[i*n+j] = s
		}
	}
}

func (l level) lanes() int {
	if l == avx512 {
		return 16
	}
	return 8
}

// tileRows is the highest tile of a width, as in _asm/tile.go.
func (l level) tileRows(width int) int {
	switch {
	case l == avx512:
		return 10
	case width == 2:
		return 6
	default:
		return 8
	}
}
