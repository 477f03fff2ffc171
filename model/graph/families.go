package graph

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/cinesync/cinesync/model"
)

// twoTower is z = Σ_c Σ_j w_c(age_j) V[j] W_c, score(i) = z·V[i] + b[i], the softmax over the whole catalogue.
func (b *graph) twoTower(l model.Layout, params []float32, s model.Sample) *gorgonia.Node {
	n, d := len(l.Items), l.Dim
	v := b.tensor(l, params, "v", n, d)
	bias := b.tensor(l, params, "b", 1, n)
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
	scores := b.add(b.mul(z, b.transpose(v)), bias)
	share := make([]float64, n)
	for _, t := range s.Targets {
		share[t] += 1 / float64(len(s.Targets))
	}
	return b.crossEntropy(scores, share)
}

// ncf is score(i) = h·(u∘V[i]) + o·relu(A₂ relu(A₁ [u;V[i]] + c₁) + c₂) + b[i] with the user's vector fixed, the softmax over the
// targets and the negatives. Each row of the matrices is one item.
func (b *graph) ncf(l model.Layout, params []float32, s model.Sample) *gorgonia.Node {
	n, d := len(l.Items), l.Dim
	_, h1, ok1 := l.Offset("c1")
	_, h2, ok2 := l.Offset("c2")
	if !ok1 || !ok2 {
		b.fault(fmt.Errorf("the layout has no hidden layers"))
		return nil
	}
	items := append(append([]int(nil), s.Targets...), s.Negatives...)
	m := len(items)
	users, ones := make([]float64, 0, m*d), make([]float64, m)
	for i := range ones {
		ones[i] = 1
		users = append(users, wide(s.User)...)
	}
	user, one := b.constant(users, m, d), b.constant(ones, m, 1)
	v := b.rows(b.tensor(l, params, "v", n, d), items)
	scores := b.add(b.mul(b.times(user, v), b.tensor(l, params, "h", d, 1)), b.rows(b.tensor(l, params, "b", n, 1), items))

	in := b.do(func() (*gorgonia.Node, error) { return gorgonia.Concat(1, user, v) })
	layer := func(in *gorgonia.Node, a, c string, from, to int) *gorgonia.Node {
		weights, offset := b.tensor(l, params, a, to, from), b.tensor(l, params, c, 1, to)
		return b.relu(b.add(b.mul(in, b.transpose(weights)), b.mul(one, offset)))
	}
	second := layer(layer(in, "a1", "c1", 2*d, h1), "a2", "c2", h1, h2)
	scores = b.add(scores, b.mul(second, b.tensor(l, params, "o", h2, 1)))

	share := make([]float64, m)
	for i := range s.Targets {
		share[i] = 1 / float64(len(s.Targets))
	}
	return b.crossEntropy(scores, share)
}
