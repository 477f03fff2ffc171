package train

import (
	"errors"
	"math"

	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/delta"
	"github.com/cinesync/cinesync/sim/learning"
)

// Downloads counts what the mean person's device fetches over a training's rounds, where the coordinator keeps one version before the newest:
// a delta where the device was in the round before too, as often as that happens on average, and the whole file otherwise; and the
// first version's file for the popularity question. The first round of a device counts as a whole file.
type Downloads struct {
	rate  float64 // rounds of a person over all
	whole float64
	last  []byte // the version that the last round began with; nil where it is not known
	next  []byte // and the one that it made
	bytes float64
}

// Downloads begins to count.
func (j *Job) Downloads() *Downloads {
	tr := j.Traffic()
	d := &Downloads{rate: tr.Participations / float64(j.Task.Rounds.Count), whole: float64(tr.Down)}
	if j.Terms.Question.Asked {
		d.bytes = d.whole // and then the first round's version is another
	} else if j.Base == nil {
		d.next = j.Start.Encode()
	}
	return d
}

// Add counts the download of a round that is done, and gives the bytes so far.
func (d *Downloads) Add(r learning.Round) (int64, error) {
	one := d.whole
	if d.last != nil && d.next != nil {
		step, err := delta.Encode(d.last, d.next)
		switch {
		case err == nil:
			one = d.rate*float64(len(step)) + (1-d.rate)*d.whole
		case !errors.Is(err, delta.ErrNone):
			return 0, err
		}
	}
	d.bytes += d.rate * one
	d.last, d.next = d.next, encoded(r.Model)
	return int64(math.Round(d.bytes)), nil
}

// encoded is a model's file, nil for one that has no deltas.
func encoded(s *model.Snapshot) []byte {
	if !s.Half {
		return nil
	}
	return s.Encode()
}
