package privacy

import (
	"errors"
	"fmt"
	"io"
)

// MaxVariance is the largest σ² that the sampler takes, (2^14)²: up to there every product fits 64 bits (design: privacy
// 4.2, 5.3).
const MaxVariance = 1 << 28

// maxAttempts bounds the proposals for one sample, and the words for one draw. Each is accepted with probability above 0.3,
// so an honest stream runs out with probability below 2^−500: only a stuck one does.
const maxAttempts = 1024

// maxSteps bounds the whole scales in a proposal. One of 64 scales or more would be accepted with probability below
// exp(−1900).
const maxSteps = 64

var errStuck = errors.New("1024 draws rejected one after another: the random stream is stuck")

// Gaussian draws from the discrete Gaussian P(x) ∝ exp(−x²/2σ²) over the integers, exactly and with integers only
// (Canonne, Kamath, Steinke, arXiv 2004.00010, algorithms 1 to 3). It reads its random stream in blocks, so it takes more
// from it than it uses. How long a draw takes depends on what is drawn: nothing that leaves the device may be timed by it.
// It is not safe for concurrent use, and it does not print.
type Gaussian struct {
	variance    uint64 // σ²
	scale       uint32 // T = ⌊σ⌋ + 1
	denominator uint64 // 2σ²T², below 2^58
	source      source
}

// NewGaussian returns a sampler of the discrete Gaussian with parameter sigmaSq (grid units squared), 1 to MaxVariance,
// that draws on random, which must be a cryptographic stream such as NewSessionStream's.
func NewGaussian(sigmaSq uint64, random io.Reader) (*Gaussian, error) {
	if sigmaSq < 1 || sigmaSq > MaxVariance {
		return nil, fmt.Errorf("prepare noise: variance %d is outside 1 to %d", sigmaSq, uint64(MaxVariance))
	}
	t := root(sigmaSq) + 1
	g := &Gaussian{variance: sigmaSq, scale: uint32(t), denominator: 2 * sigmaSq * t * t}
	g.source.random = random
	g.source.next = sourceBytes
	return g, nil
}

// Sample draws one integer. An error means that the random stream failed, and no sample may be used after it.
func (g *Gaussian) Sample() (int64, error) {
	for range maxAttempts {
		y, ok := g.laplace()
		if ok && g.accept(y) && g.source.err == nil {
			return y, nil
		}
		if g.source.err != nil {
			return 0, fmt.Errorf("draw noise: %w", g.source.err)
		}
	}
	return 0, fmt.Errorf("draw noise: %w", errStuck)
}

// laplace proposes an integer from the discrete Laplace of scale T, P(y) ∝ exp(−|y|/T), or reports that this attempt gave
// none (algorithm 2).
func (g *Gaussian) laplace() (y int64, ok bool) {
	s := &g.source
	u := s.below32(g.scale)
	if !s.expSmallFraction(u, g.scale) {
		return 0, false
	}
	steps := uint32(0)
	for s.expOne() {
		if steps++; steps == maxSteps {
			return 0, false
		}
	}
	y = int64(u) + int64(g.scale)*int64(steps)
	if s.word32()&1 == 0 {
		return y, true
	}
	// Zero has one representation; keeping minus zero would count it twice.
	return -y, y != 0
}

// accept keeps a proposal with probability exp(−(|y|T − σ²)²/(2σ²T²)), which turns the Laplace into the Gaussian
// (algorithm 3). Where |y|T and σ² differ by 2^32 or more it refuses at once: that probability is below 2^−184, and the
// square would not fit 64 bits.
func (g *Gaussian) accept(y int64) bool {
	distance := max(y, -y)*int64(g.scale) - int64(g.variance)
	distance = max(distance, -distance)
	if distance >= 1<<32 {
		return false
	}
	return g.source.expRatio(uint64(distance)*uint64(distance), g.denominator)
}

// Zero forgets the random bytes that were read and not used. The sampler may be used again: it reads fresh ones.
func (g *Gaussian) Zero() { g.source.erase() }

// Format prints "[secret]" for every verb: the buffer foretells the noise.
func (g *Gaussian) Format(f fmt.State, _ rune) { writeSecret(f) }

// String returns "[secret]".
func (g *Gaussian) String() string { return "[secret]" }

// root returns ⌊√n⌋ for n up to MaxVariance.
func root(n uint64) uint64 {
	r := uint64(0)
	for bit := uint64(1 << 14); bit > 0; bit >>= 1 {
		if (r|bit)*(r|bit) <= n {
			r |= bit
		}
	}
	return r
}
