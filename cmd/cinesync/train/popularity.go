package train

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
)

// ask asks everybody once which titles they watched, sums the answers on a grid and adds the question's noise. One person's answer has norm 1.
func (j *Job) ask(seed uint64) (h model.Histogram, err error) {
	items := len(j.Start.Layout.Items)
	grid := aggregation.Grid{C: 1, CInt: j.Terms.Question.CInt, XMax: j.Terms.Question.CInt, D: items, WordBits: 32}
	sum, err := j.answers(grid, seed)
	if err != nil {
		return h, err
	}
	sigma := math.Sqrt(float64(j.Terms.Question.SigmaTotSq))
	if all := j.Task.Population.People; all > 0 {
		sigma *= float64(len(j.People)) / float64(all)
	}
	if err := noise(sum, sigma, stream("popularity noise", seed, 0)); err != nil {
		return h, err
	}
	h = model.Histogram{Sum: make([]float32, items), Noise: sigma / grid.Scale(), Floor: j.Task.Popularity.Floor, Strength: j.Task.Popularity.Strength}
	for i, v := range sum {
		h.Sum[i] = float32(float64(v) / grid.Scale())
	}
	return h, nil
}

// popular starts the biases from the logarithm of what was answered.
func (j *Job) popular(h model.Histogram) (*model.Snapshot, error) {
	return h.Apply(j.Start)
}

// answers sums everybody's answer in integers.
func (j *Job) answers(grid aggregation.Grid, seed uint64) ([]int64, error) {
	width := par.Width()
	sums, errs := make([][]int64, width), make([]error, len(j.People))
	for w := range sums {
		sums[w] = make([]int64, grid.D)
	}
	par.Each(width, len(j.People), func(worker, who int) {
		history := j.People[who]
		if len(history) == 0 {
			return
		}
		answer := make([]float32, grid.D)
		if errs[who] = model.Count(answer, history); errs[who] != nil {
			return
		}
		if _, errs[who] = privacy.Clip(answer, grid.C); errs[who] != nil {
			return
		}
		var x []int32
		if x, errs[who] = grid.Quantise(answer, stream("popularity coins", seed, who)); errs[who] != nil {
			return
		}
		for i, v := range x {
			sums[worker][i] += int64(v)
		}
	})
	for who, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("answer of person %d: %w", who, err)
		}
	}
	for _, more := range sums[1:] {
		for i, v := range more {
			sums[0][i] += v
		}
	}
	return sums[0], nil
}

// noise adds a discrete Gaussian of σ grid units, as several of a variance that the sampler takes.
func noise(sum []int64, sigma float64, random io.Reader) error {
	if sigma == 0 {
		return nil
	}
	draws := max(1, math.Ceil(sigma*sigma/privacy.MaxVariance))
	g, err := privacy.NewGaussian(uint64(math.Ceil(sigma*sigma/draws)), random)
	if err != nil {
		return err
	}
	for i := range sum {
		for range int(draws) {
			x, err := g.Sample()
			if err != nil {
				return err
			}
			sum[i] += x
		}
	}
	return nil
}

// stream is a generator of its own for each use and person.
func stream(use string, seed uint64, who int) io.Reader {
	b := append([]byte("cinesync/train/"), use...)
	b = binary.BigEndian.AppendUint64(b, seed)
	return privacy.NewStream(sha256.Sum256(binary.BigEndian.AppendUint64(b, uint64(who))))
}
