package rank_test

import (
	"math"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/serve/rank"
	"github.com/cinesync/cinesync/serve/rank/ranktest"
)

func TestTheProcessorsFinder(t *testing.T) { ranktest.Run(t, rank.NewFinder) }

func TestNewTableRefuses(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for _, c := range []struct {
		vectors, biases []float32
		dim             int
		err             string
	}{
		{[]float32{1, 2}, []float32{1}, 0, "width 0"},
		{[]float32{1, 2}, []float32{1}, rank.MaxDim + 1, "width 4097"},
		{[]float32{1, 2, 3}, []float32{1}, 2, "3 numbers in vectors of width 2"},
		{nil, nil, 2, "0 numbers"},
		{[]float32{1, 2}, []float32{1, 2}, 2, "2 biases for 1 titles"},
		{[]float32{1, 2, 3, nan}, nil, 2, "number 1 of title 1 is NaN"},
		{[]float32{1, 2, 3, 4}, []float32{0, inf}, 2, "bias of title 1 is -Inf"},
	} {
		if _, err := rank.NewTable(c.vectors, c.biases, c.dim); err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("error %v, want %q", err, c.err)
		}
	}
}
