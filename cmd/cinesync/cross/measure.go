package cross

import (
	"fmt"
	"math"

	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/model/evaluate"
)

// listLength is how many series a list has.
const listLength = 10

// Figure is a mean over judged people with its 95 % interval (normal approximation).
type Figure struct {
	Mean float64 `json:"mean"`
	Half float64 `json:"half_width"`
}

// measure asks a scorer with each judged person's films, and ranks each series they watched among it and all series they did not. A
// person's figures are means over their series. A tie, and a score that is not a number, count against the scorer.
func (w *world) measure(s evaluate.Scorer) (hr, ndcg Figure, err error) {
	hits, gains, errs := make([]float64, len(w.judged)), make([]float64, len(w.judged)), make([]error, len(w.judged))
	par.Do(len(w.judged), func(i int) {
		v := w.judged[i]
		scores := make([]float32, len(w.titles))
		if errs[i] = s.Scores(i, v.films, scores); errs[i] != nil {
			return
		}
		for _, held := range v.series {
			before := 0
			for _, row := range w.series {
				if !v.watched[row] && !(scores[row] < scores[held]) {
					before++
				}
			}
			if before < listLength {
				hits[i] += 1 / float64(len(v.series))
				gains[i] += 1 / math.Log2(float64(before)+2) / float64(len(v.series))
			}
		}
	})
	for i, err := range errs {
		if err != nil {
			return hr, ndcg, fmt.Errorf("scores for person %d: %w", i, err)
		}
	}
	return figure(hits), figure(gains), nil
}

func figure(v []float64) Figure {
	var sum, square float64
	for _, x := range v {
		sum += x
	}
	n := float64(len(v))
	mean := sum / n
	for _, x := range v {
		square += (x - mean) * (x - mean)
	}
	return Figure{Mean: mean, Half: 1.959963984540054 * math.Sqrt(square/max(1, n-1)/n)}
}
