package accountant_test

import (
	"fmt"

	"github.com/cinesync/cinesync/privacy/accountant"
)

// Three ways to noise 1000 prefix sums at equal cost, for members that come once, and for members that come up to 20 times at least 50
// rounds apart.
func ExampleBandedNoise() {
	for _, p := range []accountant.Participation{{Steps: 1000, Apart: 1000, Most: 1}, {Steps: 1000, Apart: 50, Most: 20}} {
		fresh, _ := accountant.IndependentNoise(p)
		tree, _ := accountant.TreeNoise(p)
		banded, _ := accountant.BandedNoise(p, p.Apart)
		fmt.Printf("%d: fresh %.1f, tree %.1f, banded %.1f\n", p.Most, fresh.Error, tree.Error, banded.Error)
	}
	// Output:
	// 1: fresh 22.4, tree 7.0, banded 3.1
	// 20: fresh 100.0, tree 52.6, banded 21.0
}

func ExampleCurve_Epsilon() {
	step, _ := accountant.Subsampled(1.1, 0.01)
	all, _ := step.Times(1000)
	orders, _ := accountant.Orders("default")
	f, _ := all.Epsilon(1e-5, orders)
	fmt.Println(f)
	// Output: ε = 1.71177 at δ = 1e-05 (RDP of the Poisson-subsampled Gaussian, arXiv 1908.10530; order 9.6)
}
