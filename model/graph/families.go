package graph

import (
	"fmt"
	"math"
	"slices"

	"gorgonia.org/gorgonia"

	"github.com/cinesync/cinesync/model"
)

// twoTower is z = Σ_c Σ_j w_c(age_j) V[j] W_c, score(i) = z·V[i] + b[i], the softmax over the targets and the sample, or over the
// whole catalogue.
func (b *graph) twoTower(l model.Layout, params []float32, s model.Sample) *gorgonia.Node {
	n, d := len(l.Items), l.Dim
	v := b.tensor(l, params, "v", n, d)
	bias := b.tensor(l, params, "b", n, 1)
	past := b.rows(v, s.Past)
	at, _, _ := l.Offset("w")
	var z *gorgonia.Node
	for c, weights := range model.Pooling(l.Ages, len(s.Past)) {
		w := b.block(params, fmt.Sprintf("w%d", c), at+c*d*d, d, d)
		pooled := b.mul(b.constant(wide(weights), 1, len(s.Past)), past)
		part := b.mul(pooled, w)
		if z == nil {
			z = part
		} else {
			z = b.add(z, part)
		}
	}
	items, raise, share := compared(n, s)
	m := len(items)
	scores := b.add(b.mul(b.of(v, items, s), b.transpose(z)), b.of(bias, items, s))
	return b.crossEntropy(b.add(scores, b.constant(raise, m, 1)), share)
}

// ncf is score(i) = h·(u∘V[i]) + o·relu(A₂ relu(P u + Q V[i] + c₁) + c₂) + b[i] for the solved vector u, the softmax over the targets and
// the sample, or over the whole catalogue. Each row of the matrices is one item.
func (b *graph) ncf(l model.Layout, params []float32, s model.Sample) *gorgonia.Node {
	n, d := len(l.Items), l.Dim
	_, h1, ok1 := l.Offset("c1")
	_, h2, ok2 := l.Offset("c2")
	if !ok1 || !ok2 {
		b.fault(fmt.Errorf("the layout has no hidden layers"))
		return nil
	}
	table, bias, h := b.tensor(l, params, "v", n, d), b.tensor(l, params, "b", n, 1), b.tensor(l, params, "h", 1, d)
	u := b.solved(l, params, table, bias, h, s.Past)

	items, raise, share := compared(n, s)
	m := len(items)
	one := b.constant(all(m, 1), m, 1)
	v := b.of(table, items, s)
	scores := b.add(b.mul(v, b.transpose(b.times(h, u))), b.of(bias, items, s))
	mine := b.add(b.mul(u, b.transpose(b.tensor(l, params, "p", h1, d))), b.tensor(l, params, "c1", 1, h1))
	first := b.relu(b.add(b.mul(v, b.transpose(b.tensor(l, params, "q", h1, d))), b.mul(one, mine)))
	second := b.relu(b.add(b.mul(first, b.transpose(b.tensor(l, params, "a2", h2, h1))), b.mul(one, b.tensor(l, params, "c2", 1, h2))))
	scores = b.add(scores, b.mul(second, b.tensor(l, params, "o", h2, 1)))
	return b.crossEntropy(b.add(scores, b.constant(raise, m, 1)), share)
}

// solved is the vector that starts at 0 and takes, for each channel c, the step u + s_c∘h∘(Σ_j w_c(age_j) V[j] − Σ_j w_c(age_j) Σ_i p(i) V[i]) with
// p = softmax(V (h∘u) + b).
func (b *graph) solved(l model.Layout, params []float32, v, bias, h *gorgonia.Node, items []int) *gorgonia.Node {
	n, d := len(l.Items), l.Dim
	past, u := b.rows(v, items), b.constant(all(d, 0), 1, d)
	at, _, _ := l.Offset("s")
	for c, weights := range model.Pooling(l.Ages, len(items)) {
		rate := b.block(params, fmt.Sprintf("s%d", c), at+c*d, 1, d)
		scores := b.add(b.mul(v, b.transpose(b.times(h, u))), bias)
		e := b.do(func() (*gorgonia.Node, error) { return gorgonia.Exp(scores) })
		total := b.mul(b.constant(all(n, 1), 1, n), e)
		mean := b.mul(b.transpose(e), v)
		ones := b.constant(all(d, 1), 1, d)
		mean = b.do(func() (*gorgonia.Node, error) { return gorgonia.HadamardDiv(mean, b.mul(total, ones)) })
		var mass float64
		for _, w := range weights {
			mass += float64(w)
		}
		slope := b.add(b.mul(b.constant(wide(weights), 1, len(items)), past), b.times(mean, b.constant(all(d, -mass), 1, d)))
		u = b.add(u, b.times(b.times(rate, h), slope))
	}
	return u
}

// compared are the items of a softmax, what is added to their scores and their shares of the targets. Without negatives they are the
// whole catalogue of n. Sampled negatives stand for the catalogue, log(n/sample) higher; one that is a target is left out.
func compared(n int, s model.Sample) (items []int, raise, share []float64) {
	if len(s.Negatives) == 0 {
		share = all(n, 0)
		for i := range n {
			items = append(items, i)
		}
		for _, t := range s.Targets {
			share[t] += 1 / float64(len(s.Targets))
		}
		return items, all(n, 0), share
	}
	for _, i := range s.Negatives {
		if !slices.Contains(s.Targets, i) {
			items, raise, share = append(items, i), append(raise, math.Log(float64(n)/float64(len(s.Negatives)))), append(share, 0)
		}
	}
	for _, t := range s.Targets {
		items, raise, share = append(items, t), append(raise, 0), append(share, 1/float64(len(s.Targets)))
	}
	return items, raise, share
}

// of are the rows of what is compared. The whole catalogue is the table itself.
func (b *graph) of(table *gorgonia.Node, items []int, s model.Sample) *gorgonia.Node {
	if len(s.Negatives) == 0 {
		return table
	}
	return b.rows(table, items)
}

// all is n times x.
func all(n int, x float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = x
	}
	return out
}
