package baseline

import (
	"errors"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// panel is how many rows of a large matrix are worked on between two questions whether to stop.
const panel = 128

// upper is a square matrix of which the part on and above the diagonal is kept, row by row.
type upper struct {
	data  []float64
	n     int
	panel int
	stop  Stop
}

// invert replaces a positive definite n × n matrix, of which it reads the upper half alone, by the upper half of its inverse: A = UᵀU, U⁻¹, and
// U⁻¹U⁻ᵀ, each in panels (Golub and Van Loan, Matrix Computations, 4.2).
func invert(a []float64, n int, stop Stop) error { return upper{a, n, panel, stop}.invert() }

func (u upper) invert() error {
	for _, stage := range []func(at, end int) error{u.factor, u.invertFactor, u.square} {
		for at := 0; at < u.n; at += u.panel {
			if err := stage(at, min(u.n, at+u.panel)); err != nil {
				return err
			}
		}
	}
	return nil
}

// block is rows i to j and columns k to l.
func (u upper) block(i, j, k, l int) blas64.General {
	if i == j || k == l {
		return blas64.General{Rows: j - i, Cols: l - k, Stride: max(1, l-k)}
	}
	return blas64.General{Rows: j - i, Cols: l - k, Stride: u.n, Data: u.data[i*u.n+k : (j-1)*u.n+l]}
}

// corner is rows and columns i to j, as a triangle.
func (u upper) corner(i, j int) blas64.Triangular {
	return blas64.Triangular{Uplo: blas.Upper, Diag: blas.NonUnit, N: j - i, Stride: u.n, Data: u.data[i*u.n+i : (j-1)*u.n+j]}
}

func symmetric(t blas64.Triangular) blas64.Symmetric {
	return blas64.Symmetric{Uplo: blas.Upper, N: t.N, Stride: t.Stride, Data: t.Data}
}

// factor makes rows at to end of U and takes their part off what is below them.
func (u upper) factor(at, end int) error {
	diagonal := u.corner(at, end)
	if _, ok := lapack64.Potrf(symmetric(diagonal)); !ok {
		return errors.New("it is not positive definite")
	}
	if end == u.n {
		return u.stop.now()
	}
	right := u.block(at, end, end, u.n)
	blas64.Trsm(blas.Left, blas.Trans, 1, diagonal, right)
	return u.each(end, u.n, func(i, j int) {
		blas64.Syrk(blas.Trans, -1, u.block(at, end, i, j), 1, symmetric(u.corner(i, j)))
		if j < u.n {
			blas64.Gemm(blas.Trans, blas.NoTrans, -1, u.block(at, end, i, j), u.block(at, end, j, u.n), 1, u.block(i, j, j, u.n))
		}
	})
}

// each gives f panels of a range while nothing stops it.
func (u upper) each(from, to int, f func(i, j int)) error {
	for i := from; i < to; i += u.panel {
		if err := u.stop.now(); err != nil {
			return err
		}
		f(i, min(to, i+u.panel))
	}
	return u.stop.now()
}

// invertFactor makes columns at to end of U⁻¹, of which those before stand already.
func (u upper) invertFactor(at, end int) error {
	diagonal := u.corner(at, end)
	err := u.each(0, at, func(i, j int) {
		part := u.block(i, j, at, end)
		blas64.Trmm(blas.Left, blas.NoTrans, 1, u.corner(i, j), part)
		if j < at {
			blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, u.block(i, j, j, at), u.block(j, at, at, end), 1, part)
		}
		blas64.Trsm(blas.Right, blas.NoTrans, -1, diagonal, part)
	})
	if err == nil && !lapack64.Trtri(diagonal) {
		err = errors.New("it is singular")
	}
	return err
}

// square makes columns at to end of U⁻¹U⁻ᵀ, for which the columns after are still those of U⁻¹.
func (u upper) square(at, end int) error {
	diagonal, right := u.corner(at, end), u.block(at, end, end, u.n)
	err := u.each(0, at, func(i, j int) {
		part := u.block(i, j, at, end)
		blas64.Trmm(blas.Right, blas.Trans, 1, diagonal, part)
		if end < u.n {
			blas64.Gemm(blas.NoTrans, blas.Trans, 1, u.block(i, j, end, u.n), right, 1, part)
		}
	})
	if err != nil {
		return err
	}
	n := end - at
	own := blas64.General{Rows: n, Cols: n, Stride: n, Data: make([]float64, n*n)}
	for i := range n {
		copy(own.Data[i*n+i:(i+1)*n], diagonal.Data[i*u.n+i:])
	}
	blas64.Syrk(blas.NoTrans, 1, own, 0, symmetric(diagonal))
	if end < u.n {
		blas64.Syrk(blas.NoTrans, 1, right, 1, symmetric(diagonal))
	}
	return u.stop.now()
}
