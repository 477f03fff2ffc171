package accountant

import "fmt"

// Figure is an (ε, δ) with its origin.
type Figure struct {
	Epsilon, Delta float64
	Order          float64 // α that gave it; 0 where the formula has none
	Formula        string  // and its source
}

func (f Figure) String() string {
	s := fmt.Sprintf("ε = %.6g at δ = %.6g (%s", f.Epsilon, f.Delta, f.Formula)
	if f.Order != 0 {
		s += fmt.Sprintf("; order %.6g", f.Order)
	}
	return s + ")"
}
