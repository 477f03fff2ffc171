package kernel

import (
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"unsafe"
)

// edge gives slices that end, or begin, exactly where memory may not be touched.
type edge struct {
	t     *testing.T
	front bool
}

func (e edge) of(v []float32) []float32 {
	page := os.Getpagesize()
	room := (len(v)*4 + page - 1) / page * page
	all, err := syscall.Mmap(-1, 0, room+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() {
		if err := syscall.Munmap(all); err != nil {
			e.t.Error(err)
		}
	})
	for _, guard := range [][]byte{all[:page], all[page+room:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			e.t.Fatal(err)
		}
	}
	start := page
	if !e.front {
		start += room - 4*len(v)
	}
	if len(v) == 0 {
		return nil
	}
	out := unsafe.Slice((*float32)(unsafe.Pointer(&all[start])), len(v))
	copy(out, v)
	return out
}

// TestNothingOutsideIsTouched runs every kernel with each operand against a page that faults.
func TestNothingOutsideIsTouched(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	for _, front := range []bool{false, true} {
		e := edge{t, front}
		for _, l := range levels() {
			for _, s := range [][3]int{{1, 1, 1}, {3, 5, 7}, {4, 16, 8}, {5, 19, 33}, {11, 33, 17}, {2, 7, 40}, {10, 32, 15}, {7, 50, 3}} {
				m, n, k := s[0], s[1], s[2]
				a, b, c := e.of(normals(rng, m*k)), e.of(normals(rng, n*k)), e.of(normals(rng, m*n))
				for _, p := range products {
					p.call(l, c, a, b, m, n, k, false)
					p.call(l, c, a, b, m, n, k, true)
				}
				bias := e.of(normals(rng, n))
				l.addBias(c, bias, m)
				l.biasRelu(c, bias, m)
				l.sumRows(bias, c, m)
			}
			step := NewAdamStep(1, 0.01, 0.9, 0.999, 1e-8)
			for n := range 70 {
				x, y, m, v := e.of(normals(rng, n)), e.of(normals(rng, n)), e.of(make([]float32, n)), e.of(make([]float32, n))
				l.dot(x, y)
				l.sumSquares(x)
				l.axpy(0.5, x, y)
				l.scale(0.5, x)
				l.reluBackward(x, y)
				l.adam(&step, y, m, v, x)
				l.expSum(y, 0.5)
				l.softmax(x)
			}
		}
	}
}
