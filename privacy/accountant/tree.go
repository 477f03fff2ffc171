package accountant

import "math/bits"

// TreeDepth returns ⌈log₂(steps + 1)⌉, the nodes of a binary tree over the steps that hold one step.
func TreeDepth(steps int) int { return bits.Len(uint(steps)) }

// Tree is the curve of all prefix sums over steps by tree aggregation with noise multiplier z on every node, for members that take
// part once: α·depth/(2z²) (Kairouz et al., arXiv 2103.00039; design: privacy 15.1).
func Tree(z float64, steps int) (Curve, error) {
	if err := first(checkNoise(z), checkSteps(steps)); err != nil {
		return Curve{}, err
	}
	depth := float64(TreeDepth(steps))
	return Curve{"RDP of tree aggregation, arXiv 2103.00039", func(alpha float64) float64 { return alpha * depth / (2 * z * z) }}, nil
}
