package kernel

import (
	"fmt"
	"math/bits"
)

// need panics unless a slice of length have holds rows × cols values.
func need(call, operand string, have, rows, cols int) {
	hi, lo := bits.Mul64(uint64(rows), uint64(cols))
	if rows < 0 || cols < 0 || hi != 0 || lo > uint64(have) {
		tooShort(call, operand, have, rows, cols)
	}
}

// tooShort stays out of line, so that need costs its callers a compare.
//
//go:noinline
func tooShort(call, operand string, have, rows, cols int) {
	panic(fmt.Sprintf("kernel.%s: %s holds %d values and should hold %d×%d; pass the whole matrix", call, operand, have, rows, cols))
}

// same panics unless two vectors of a call have one length.
func same(call string, x, y int) {
	if x != y {
		unlike(call, x, y)
	}
}

//go:noinline
func unlike(call string, x, y int) {
	panic(fmt.Sprintf("kernel.%s: vectors of %d and %d values; pass equal lengths", call, x, y))
}
