package coordinator

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
)

// The popularity question (privacy 14): one round before training in which devices answer with the titles of their histories. Its vectors go
// the way of all others, through the same ledgers; what differs is the local function, and the step that its sum becomes.

// Popularity is the question's own terms. All others are the task's.
type Popularity struct {
	Purpose    string  // in plain English; empty: PopularityPurpose
	C          float32 // 0: 1, an answer's length
	CInt       uint32  // 0: ⌈8√d⌉+1 for d titles, the least of 32-bit words (privacy 4.3)
	SigmaTotSq uint64  // 0: the noise multiplier of training
	WordBits   uint16  // 32, 24 or 16; 0: the least that carries its sums
	Floor      float64 // added to each count before the logarithm; 0: the noise's standard deviation, and 1 at least
	Strength   float32 // multiplies the logarithm; 0: 1
}

// PopularityPurpose is what devices show their owners where the task says nothing else.
const PopularityPurpose = "Count how many devices have watched each title, before anything is learned, so that the first model knows what is popular."

// firstQuestion and trainQuestion are the ids of the questions that a task asks.
const (
	firstQuestion = "popularity"
	trainQuestion = "train"
)

// first is the task of the round before training, nil where there is none: the same terms with another question, and the words that carry
// its sums.
func (t *Task) first(layout model.Layout) *Task {
	if t.Popularity == nil {
		return nil
	}
	p, first := t.Popularity.filled(t, len(layout.Items)), *t
	first.Local, first.Popularity, first.AdaptClip, first.WordBits, first.XMax = model.Popularity(), nil, privacy.ClipRule{}, p.WordBits, 0
	first.Purpose, first.C, first.CInt, first.SigmaTotSq = p.Purpose, p.C, p.CInt, p.SigmaTotSq
	first.chooseWords(first.Local.Words(layout))
	return &first
}

// filled gives what was left out its usual value.
func (p Popularity) filled(t *Task, titles int) Popularity {
	if p.Purpose == "" {
		p.Purpose = PopularityPurpose
	}
	if p.C == 0 {
		p.C = 1
	}
	if p.CInt == 0 {
		p.CInt = uint32(math.Ceil(8*math.Sqrt(float64(titles)))) + 1
	}
	if p.SigmaTotSq == 0 {
		p.SigmaTotSq = sameMultiplier(t.SigmaTotSq, t.CInt, p.CInt)
	}
	return p
}

// sameMultiplier is the least σ² on a grid of to whose multiplier is not below that of σ² on a grid of from; the most there is where it
// does not fit a word.
func sameMultiplier(sigmaSq uint64, from, to uint32) uint64 {
	high, low := bits.Mul64(sigmaSq, uint64(to)*uint64(to))
	if square := uint64(from) * uint64(from); high < square {
		quotient, rest := bits.Div64(high, low, square)
		if rest == 0 {
			return quotient
		}
		if quotient < math.MaxUint64 {
			return quotient + 1
		}
	}
	return math.MaxUint64
}

// rounds is how many rounds end the task: those of training, and the one before.
func (t *Task) rounds() int { return t.Rounds + t.warmUp() }

// warmUp is the number of rounds before training.
func (t *Task) warmUp() int {
	if t.Popularity == nil {
		return 0
	}
	return 1
}

// asking is the question of the next round with its terms: popularity until the first version is there.
func (c *Coordinator) asking() (*Task, [32]byte) {
	if t := c.cfg.Task.first(c.layout); t != nil && c.head.Version == 0 {
		return t, c.popular
	}
	return &c.cfg.Task, c.question
}

// evidenceOf gives the log indexes that an offer of a question shows: the policy in force, the question, and its code release. Those of another
// question are left out.
func (c *Coordinator) evidenceOf(codeHash [32]byte) []uint64 {
	return slices.DeleteFunc(slices.Clone(c.context), func(i uint64) bool {
		rec, err := audit.OpenEntry(ed25519.PublicKey(c.cfg.Identity.Cert.IDPK[:]), c.entries[i])
		if err != nil {
			return true
		}
		switch r := rec.(type) {
		case *audit.CodeRelease:
			return r.CodeHash != codeHash
		case *audit.Question:
			return r.CodeHash != codeHash
		}
		return false
	})
}

// counted makes the first version of a popularity round's mean: the sum of its answers, each of length 1 and not longer than the clip.
func (t *Task) counted(open *audit.RoundOpen, start *model.Snapshot, mean []float32, members int) (*model.Snapshot, error) {
	length := min(1, float64(math.Float32frombits(open.C)))
	h := model.Histogram{Sum: make([]float32, len(mean)), Floor: t.Popularity.Floor, Strength: t.Popularity.Strength}
	for i, v := range mean {
		h.Sum[i] = float32(float64(v) * float64(members) / length)
	}
	h.Noise = math.Sqrt(float64(open.SigmaTotSq)*float64(max(1, open.Cohorts))) / gridOf(open).Scale() / length
	return h.Apply(start)
}

// checkPopularity looks at the terms that are the question's own.
func (t *Task) checkPopularity(layout model.Layout) error {
	first := t.first(layout)
	if first == nil {
		return nil
	}
	if t.Local.Name == model.PopularityFunction {
		return errors.New("task: the local function is popularity: it is asked before training, not in its place")
	}
	if err := first.check(first.Local.Words(layout)); err != nil {
		return fmt.Errorf("popularity question: %w", err)
	}
	return model.Histogram{Floor: t.Popularity.Floor, Strength: t.Popularity.Strength}.Check(layout)
}
