package evaluate

import "math"

// Estimate is a mean with its 95 % interval.
type Estimate struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// z95 is the 97.5th percentile of the normal distribution.
const z95 = 1.959963984540054

// meanOf takes the interval from the normal approximation, over users.
func meanOf(v []float64) Estimate {
	mean, sd := moments(v)
	half := 0.0
	if len(v) > 1 {
		half = z95 * sd / math.Sqrt(float64(len(v)))
	}
	return Estimate{Mean: mean, Low: mean - half, High: mean + half}
}

// share is how many ranks are below k, with Wilson's interval (1927), which stays honest near 0, near 1 and for few users.
func share(ranks []int, k int) Estimate {
	n := float64(len(ranks))
	if n == 0 {
		return Estimate{}
	}
	hits := 0.0
	for _, r := range ranks {
		if r < k {
			hits++
		}
	}
	p := hits / n
	middle := (p + z95*z95/(2*n)) / (1 + z95*z95/n)
	half := z95 / (1 + z95*z95/n) * math.Sqrt(p*(1-p)/n+z95*z95/(4*n*n))
	return Estimate{Mean: p, Low: max(0, min(p, middle-half)), High: min(1, max(p, middle+half))}
}

// moments are the mean and the standard deviation (n − 1) of a sample.
func moments(v []float64) (mean, sd float64) {
	if len(v) == 0 {
		return 0, 0
	}
	for _, x := range v {
		mean += x / float64(len(v))
	}
	if len(v) == 1 {
		return mean, 0
	}
	var sum float64
	for _, x := range v {
		sum += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(sum / float64(len(v)-1))
}

// Spread is what a figure does over seeds: each seed's value, mean, standard deviation and Student's 95 % interval of the
// mean, which needs two seeds.
type Spread struct {
	Values []float64 `json:"values"`
	Mean   float64   `json:"mean"`
	SD     float64   `json:"sd"`
	Low    float64   `json:"low"`
	High   float64   `json:"high"`
}

// students are the 97.5th percentiles of Student's t for 1, 2, … degrees of freedom.
var students = []float64{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
	2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042}

// SpreadOf summarises one figure over seeds.
func SpreadOf(values []float64) Spread {
	s := Spread{Values: values}
	s.Mean, s.SD = moments(values)
	s.Low, s.High = s.Mean, s.Mean
	if n := len(values); n > 1 {
		t := z95
		if n-2 < len(students) {
			t = students[n-2]
		}
		half := t * s.SD / math.Sqrt(float64(n))
		s.Low, s.High = s.Mean-half, s.Mean+half
	}
	return s
}
