package batch

import (
	"fmt"

	"github.com/cinesync/cinesync/model/kernel"
)

// Adam is the optimiser (Kingma and Ba, arXiv 1412.6980). On tables it is lazy: a row without a gradient keeps its moments.
type Adam struct {
	Rate, Beta1, Beta2, Epsilon float64
}

// DefaultAdam is the paper's: rate 0.001, decays 0.9 and 0.999, ε 10⁻⁸.
func DefaultAdam() Adam { return Adam{Rate: 1e-3, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8} }

func (a Adam) check() error {
	switch {
	case !(a.Rate > 0 && a.Rate <= 1):
		return fmt.Errorf("rate of Adam is %v, want above 0 to 1", a.Rate)
	case !(a.Beta1 >= 0 && a.Beta1 < 1) || !(a.Beta2 >= 0 && a.Beta2 < 1):
		return fmt.Errorf("decays of Adam are %v and %v, want 0 to below 1", a.Beta1, a.Beta2)
	case !(a.Epsilon > 0 && a.Epsilon <= 1):
		return fmt.Errorf("epsilon of Adam is %v, want above 0 to 1", a.Epsilon)
	}
	return nil
}

func (a Adam) step(t int) kernel.AdamStep {
	return kernel.NewAdamStep(t, a.Rate, a.Beta1, a.Beta2, a.Epsilon)
}
