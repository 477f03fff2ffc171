package kernel

import "unsafe"

// fields is the step as assembly reads it: seven values of four bytes.
func (s *AdamStep) fields() *byte { return (*byte)(unsafe.Pointer(s)) }

func (l level) adam(s *AdamStep, row, m, v, grad []float32) {
	wide, narrow := l.parts(len(grad))
	if wide > 0 {
		adamAVX512(s.fields(), &row[0], &m[0], &v[0], &grad[0], wide)
		row, m, v, grad = from(row, wide), from(m, wide), from(v, wide), from(grad, wide)
	}
	if narrow > 0 {
		adamAVX2(s.fields(), &row[0], &m[0], &v[0], &grad[0], narrow)
		row, m, v, grad = from(row, narrow), from(m, narrow), from(v, narrow), from(grad, narrow)
	}
	portableAdam(s, row, m, v, grad)
}
