package kernel

import "unsafe"

// tile runs the assembly for a tile of some rows and vectors.
func (l level) tile(t *tile, rows, width int) {
	p := (*byte)(unsafe.Pointer(t))
	switch {
	case l == avx512 && width == 2:
		wideTile2(p, rows)
	case l == avx512:
		wideTile1(p, rows)
	case width == 2:
		narrowTile2(p, rows)
	default:
		narrowTile1(p, rows)
	}
}

func wideTile2(p *byte, rows int) {
	switch rows {
	case 1:
		tile1x2AVX512(p)
	case 2:
		tile2x2AVX512(p)
	case 3:
		tile3x2AVX512(p)
	case 4:
		tile4x2AVX512(p)
	case 5:
		tile5x2AVX512(p)
	case 6:
		tile6x2AVX512(p)
	case 7:
		tile7x2AVX512(p)
	case 8:
		tile8x2AVX512(p)
	case 9:
		tile9x2AVX512(p)
	case 10:
		tile10x2AVX512(p)
	}
}

func wideTile1(p *byte, rows int) {
	switch rows {
	case 1:
		tile1x1AVX512(p)
	case 2:
		tile2x1AVX512(p)
	case 3:
		tile3x1AVX512(p)
	case 4:
		tile4x1AVX512(p)
	case 5:
		tile5x1AVX512(p)
	case 6:
		tile6x1AVX512(p)
	case 7:
		tile7x1AVX512(p)
	case 8:
		tile8x1AVX512(p)
	case 9:
		tile9x1AVX512(p)
	case 10:
		tile10x1AVX512(p)
	}
}

func narrowTile2(p *byte, rows int) {
	switch rows {
	case 1:
		tile1x2AVX2(p)
	case 2:
		tile2x2AVX2(p)
	case 3:
		tile3x2AVX2(p)
	case 4:
		tile4x2AVX2(p)
	case 5:
		tile5x2AVX2(p)
	case 6:
		tile6x2AVX2(p)
	}
}

func narrowTile1(p *byte, rows int) {
	switch rows {
	case 1:
		tile1x1AVX2(p)
	case 2:
		tile2x1AVX2(p)
	case 3:
		tile3x1AVX2(p)
	case 4:
		tile4x1AVX2(p)
	case 5:
		tile5x1AVX2(p)
	case 6:
		tile6x1AVX2(p)
	case 7:
		tile7x1AVX2(p)
	case 8:
		tile8x1AVX2(p)
	}
}
