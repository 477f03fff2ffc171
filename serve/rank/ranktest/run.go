package ranktest

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/serve/rank"
)

// suite is a backend under test.
type suite struct{ open rank.Open }

// Run holds finders to everything that rank.Finder promises. open may be called many times; each finder is closed before the next
// is opened.
func Run(t *testing.T, open rank.Open) {
	s := suite{open}
	t.Run("Shapes", s.shapes)
	t.Run("Worlds", s.worlds)
	t.Run("Masks", s.masks)
	t.Run("Refuses", s.refuses)
	t.Run("LeavesTheBatchAlone", s.leavesBatch)
	t.Run("AnswersSeveralAtOnce", s.answersSeveral)
}

// question is a table and a batch that suits it.
type question struct {
	shape           shape
	vectors, biases []float32
	batch           rank.Batch
}

func ask(rng *rand.Rand, w world, s shape) question {
	q := question{s, make([]float32, s.titles*s.dim), make([]float32, s.titles), rank.Batch{N: s.n, Queries: make([]float32, s.queries*s.dim)}}
	w.fill(rng, s, q.vectors, q.biases, q.batch.Queries)
	return q
}

// random is a mask that bars a part of the titles, and has bits behind the last.
func random(rng *rand.Rand, titles int, part float64) rank.Mask {
	m := make(rank.Mask, (titles+63)/64)
	for i := range 64 * len(m) {
		if rng.Float64() < part {
			m[i/64] |= 1 << (i % 64)
		}
	}
	return m
}

func (s suite) finder(t *testing.T, q question) rank.Finder {
	t.Helper()
	table, err := rank.NewTable(q.vectors, q.biases, q.shape.dim)
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.open(table)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f
}

// hold compares the lists of a batch with the reference's.
func hold(t *testing.T, f rank.Finder, q question) {
	t.Helper()
	got, err := f.Find(q.batch)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != q.shape.queries {
		t.Fatalf("%d lists for %d queries", len(got), q.shape.queries)
	}
	want := make([][]place, q.shape.queries)
	par.Do(len(want), func(i int) {
		masks := []rank.Mask{q.batch.Barred}
		if q.batch.Each != nil {
			masks = append(masks, q.batch.Each[i])
		}
		want[i] = reference(q.vectors, q.biases, q.shape.dim, q.batch.Queries[i*q.shape.dim:(i+1)*q.shape.dim], q.batch.N, masks...)
	})
	for i := range want {
		equal(t, i, got[i], want[i])
	}
}

// shapes asks in sizes around blocks of every kind.
func (s suite) shapes(t *testing.T) {
	rng := rand.New(rand.NewPCG(51, 1))
	for _, sh := range []shape{{1, 1, 1, 1}, {2, 3, 1, 100}, {15, 2, 3, 100}, {63, 5, 2, 7}, {64, 16, 3, 64}, {65, 17, 5, 10}, {127, 1, 31, 3}, {129, 100, 300, 5},
		{255, 31, 33, 100}, {257, 256, 7, 99}, {1000, 64, 12, 100}, {1025, 65, 65, 20}, {3001, 255, 3, 20}, {4099, 33, 7, 100}, {20_011, 64, 2, 100}, {100_000, 9, 1, 100}} {
		t.Run(fmt.Sprintf("%dx%d/Batch%d/Top%d", sh.titles, sh.dim, sh.queries, sh.n), func(t *testing.T) {
			q := ask(rng, ordinary()[0], sh)
			q.batch.Barred = random(rng, sh.titles, 0.1)
			hold(t, s.finder(t, q), q)
		})
	}
}

// worlds asks over numbers of every kind.
func (s suite) worlds(t *testing.T) {
	rng := rand.New(rand.NewPCG(51, 2))
	for _, w := range slices.Concat(ordinary(), ties(), orders(), edges()) {
		t.Run(w.name, func(t *testing.T) {
			for _, sh := range []shape{{50, 3, 2, 10}, {2500, 37, 5, 100}, {9001, 8, 3, 12}} {
				q := ask(rng, w, sh)
				f := s.finder(t, q)
				hold(t, f, q)
				q.batch.Each = make([]rank.Mask, sh.queries)
				for i := range q.batch.Each {
					q.batch.Each[i] = random(rng, sh.titles, 0.5)
				}
				hold(t, f, q)
			}
		})
	}
}

// masks bars none, few, nearly all and all titles, for all queries and for some.
func (s suite) masks(t *testing.T) {
	rng := rand.New(rand.NewPCG(51, 3))
	q := ask(rng, ordinary()[0], shape{3003, 20, 5, 100})
	f := s.finder(t, q)
	parts := []float64{0, 0.01, 0.5, 0.999, 1}
	for _, shared := range parts {
		q.batch.Barred, q.batch.Each = random(rng, q.shape.titles, shared), nil
		hold(t, f, q)
		q.batch.Each = make([]rank.Mask, q.shape.queries)
		for i := range q.batch.Each {
			if i%3 != 0 { // a query without a mask of its own
				q.batch.Each[i] = random(rng, q.shape.titles, parts[i%len(parts)])
			}
		}
		hold(t, f, q)
		q.batch.Barred = nil
		hold(t, f, q)
	}
}

// refuses asks for what cannot be answered, and then for what can.
func (s suite) refuses(t *testing.T) {
	rng := rand.New(rand.NewPCG(51, 4))
	q := ask(rng, ordinary()[0], shape{70, 4, 3, 5})
	f := s.finder(t, q)
	endless := func(x float64) func(b *rank.Batch) {
		return func(b *rank.Batch) { b.Queries = slices.Clone(b.Queries); b.Queries[7] = float32(x) }
	}
	for _, c := range []struct {
		name    string
		break_  func(b *rank.Batch)
		endless bool
	}{
		{"NothingWanted", func(b *rank.Batch) { b.N = 0 }, false},
		{"TooManyWanted", func(b *rank.Batch) { b.N = rank.MaxN + 1 }, false},
		{"NoQuery", func(b *rank.Batch) { b.Queries = nil }, false},
		{"HalfAQuery", func(b *rank.Batch) { b.Queries = b.Queries[:6] }, false},
		{"TooManyQueries", func(b *rank.Batch) { b.Queries = make([]float32, 4*(rank.MaxBatch+1)) }, false},
		{"NaN", endless(math.NaN()), true},
		{"Infinity", endless(math.Inf(1)), true},
		{"MinusInfinity", endless(math.Inf(-1)), true},
		{"ShortMask", func(b *rank.Batch) { b.Barred = make(rank.Mask, 1) }, false},
		{"LongMask", func(b *rank.Batch) { b.Barred = make(rank.Mask, 3) }, false},
		{"TooFewMasks", func(b *rank.Batch) { b.Each = make([]rank.Mask, 2) }, false},
		{"ShortOwnMask", func(b *rank.Batch) { b.Each = []rank.Mask{nil, make(rank.Mask, 1), nil} }, false},
	} {
		b := q.batch
		c.break_(&b)
		if got, err := f.Find(b); err == nil || got != nil || errors.Is(err, rank.ErrQuery) != c.endless {
			t.Errorf("%s: %d lists, error %v; want no list, an error, and rank.ErrQuery only for numbers that are not finite", c.name, len(got), err)
		}
	}
	hold(t, f, q)
}

func (s suite) leavesBatch(t *testing.T) {
	rng := rand.New(rand.NewPCG(51, 5))
	q := ask(rng, ordinary()[0], shape{300, 12, 4, 9})
	f := s.finder(t, q)
	q.batch.Barred = random(rng, 300, 0.2)
	q.batch.Each = []rank.Mask{random(rng, 300, 0.2), nil, random(rng, 300, 0.2), nil}
	queries, mask, own := slices.Clone(q.batch.Queries), slices.Clone(q.batch.Barred), slices.Clone(q.batch.Each[2])
	first, err := f.Find(q.batch)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(queries, q.batch.Queries) || !slices.Equal(mask, q.batch.Barred) || !slices.Equal(own, q.batch.Each[2]) {
		t.Error("Find changed its batch")
	}
	clear(first[0]) // the caller's from now on
	hold(t, f, q)
}

// answersSeveral asks in batches of several sizes at the same time.
func (s suite) answersSeveral(t *testing.T) {
	rng := rand.New(rand.NewPCG(51, 6))
	all := ask(rng, ordinary()[0], shape{3000, 24, 40, 50})
	f := s.finder(t, all)
	alone, err := f.Find(all.batch)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 40)
	for i := range 40 {
		go func() {
			b := all.batch
			b.Queries = b.Queries[i*24 : min(i+1+i%5, 40)*24]
			got, err := f.Find(b)
			for j, list := range got {
				if err == nil && !slices.Equal(list, alone[i+j]) {
					err = fmt.Errorf("query %d has another list beside other batches", i+j)
				}
			}
			done <- err
		}()
	}
	for range 40 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
