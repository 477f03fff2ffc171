package train

import "github.com/cinesync/cinesync/sim/learning"

// cpu is what trained where there is no backend.
const cpu = "cpu"

// place is where a run's rounds are trained: at its backend until that fails, and from then on here.
type place struct {
	learning.Backend // nil: here
	name             string
	told             func(error) // may be nil
	trained          bool        // a round, at the backend
	lost             bool
}

// Train implements learning.Backend.
func (p *place) Train(total []int32, c learning.Cohort) ([]learning.Part, error) {
	parts, err := p.Backend.Train(total, c)
	p.trained = p.trained || err == nil
	return parts, err
}

// take lets the backend train a job. What failed once, in whatever round of whatever seed, is not asked again.
func (p *place) take(j *Job) {
	if p.Backend == nil || p.lost {
		return
	}
	j.Backend = p
	j.Fallback = func(_ int, err error) {
		p.lost, j.Backend = true, nil
		if p.told != nil {
			p.told(err)
		}
	}
}

// by names what trained so far.
func (p *place) by() string {
	switch {
	case !p.trained:
		return cpu
	case p.lost:
		return p.name + ", then " + cpu
	}
	return p.name
}
