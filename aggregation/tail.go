package aggregation

import "math/big"

// tail follows, exactly and as k grows from 0, the least x with P[Hyp(n, marked, k) > x] ≤ 2^−bits/n, where Hyp(n, marked, k)
// counts the marked items among k drawn from n without replacement.
//
// With h(x; k) = C(marked, x)·C(n−marked, k−x) and H(x; k) = Σ_{i>x} h(i; k), the chance is H(x; k)/C(n, k). Drawing one more
// item moves the tail by one term:
//
//	H(x; k+1)   = (H(x; k)·(n−k) + h(x; k)·(marked−x)) / (k+1)
//	h(x; k+1)   = h(x; k)·(n−marked−k+x) / (k+1−x)
//	h(x+1; k+1) = h(x; k)·(marked−x) / (x+1)
//
// All three divide evenly. Since Hyp(k) ≤ Hyp(k+1) ≤ Hyp(k)+1, the least x stays or grows by one: a step costs a handful of
// products of a large integer and a word, where summing the tail afresh would cost thousands.
type tail struct {
	n, marked, k, x uint64
	bits            uint
	over            uint64  // of whom none may be beyond x: n, unless told otherwise
	h, above        big.Int // h(x; k), H(x; k)
	grown, word     big.Int // scratch
}

func newTail(n, marked int, bits uint) *tail { return newTailOver(n, marked, bits, uint64(n)) }

// newTailOver asks for P ≤ 2^−bits/over instead.
func newTailOver(n, marked int, bits uint, over uint64) *tail {
	t := &tail{n: uint64(n), marked: uint64(marked), bits: bits, over: over}
	t.h.SetUint64(1)
	return t
}

// step goes from k to k+1; all is C(n, k+1).
func (t *tail) step(all *big.Int) {
	t.scale(&t.grown, &t.h, t.marked-t.x)
	t.scale(&t.above, &t.above, t.n-t.k)
	t.above.Add(&t.above, &t.grown)
	t.divide(&t.above, t.k+1)
	if t.rare(all) {
		t.scale(&t.h, &t.h, t.n-t.marked+t.x-t.k)
		t.divide(&t.h, t.k+1-t.x)
	} else {
		t.divide(&t.grown, t.x+1)
		t.above.Sub(&t.above, &t.grown)
		t.h.Set(&t.grown)
		t.x++
	}
	t.k++
}

// rare reports whether above/all ≤ 2^−bits/n.
func (t *tail) rare(all *big.Int) bool {
	switch {
	case t.above.Sign() == 0:
		return true
	case t.above.BitLen()+int(t.bits) > all.BitLen():
		return false // over ≥ 1: above·over·2^bits has at least so many bits
	}
	var left big.Int
	t.scale(&left, &t.above, t.over)
	left.Lsh(&left, t.bits)
	return left.Cmp(all) <= 0
}

func (t *tail) scale(z, v *big.Int, by uint64) { z.Mul(v, t.word.SetUint64(by)) }

func (t *tail) divide(z *big.Int, by uint64) { z.Quo(z, t.word.SetUint64(by)) }
