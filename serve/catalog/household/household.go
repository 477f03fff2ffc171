// Package household makes up households that watch films and series, for demonstrations and tests.
//
// Owns: the generator of made-up watch histories and what it assumes about taste.
// Promises: the same titles, number and seed give the same households; a household's times only grow; nobody watches a title twice.
// Never: claims to describe real people; a figure measured on these households says only that learning works.
// Start here: Make.
//
// How a world is made. The seed draws a popularity for each title (a Zipf law over a random order, so that a few titles are
// watched by many) and circles of taste: each favours three genres, one era, films or series, and a random third of all titles
// that nothing in the catalogue explains. That last part can be learned only from what other households of the circle watch.
// A household belongs to two circles, one stronger, and has likes and dislikes of its own among the genres. It watches in
// evenings of one to four titles; an evening belongs to one circle, and the next one tends to stay with it. Each watch is drawn
// without replacement, with log-weight = popularity + circle + own genres.
package household

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/serve/catalog"
)

// Watch is one watched title.
type Watch struct {
	Item string // id of the title
	At   int64  // Unix seconds, UTC
}

// Sizes of a history.
const (
	MinWatches = 25
	MaxWatches = 60
	MaxCount   = 100_000 // households of one call
)

// Shares of what draws people to a title, in nats of log-weight.
const (
	zipf         = 2.0 // exponent of the popularity law
	zipfShift    = 10  // flattens its head
	genrePull    = 4   // each favoured genre of a circle that a title has
	eraPull      = 5   // being of the circle's era
	kindPull     = 1.2 // being of the circle's kind
	hiddenPull   = 4   // being among the circle's own titles
	hiddenShare  = 0.3
	ownPull      = 0.5 // spread of a household's own liking for each genre
	strongCircle = 0.65
	stay         = 0.92 // chance that the next evening belongs to the same circle
)

// Time of the histories: all begin in the first weeks of 2025, and an evening comes every ten days or so.
const (
	start       = 1_735_689_600 // 2025-01-01T00:00:00Z
	day         = 86_400
	betweenDays = 10
)

// Make gives n households' histories over the titles, each oldest first, between MinWatches and MaxWatches long (at most half of
// the titles). It needs at least 20 titles and 1 to MaxCount households. Household i does not depend on n.
func Make(titles []catalog.Title, n int, seed uint64) ([][]Watch, error) {
	if len(titles) < 20 {
		return nil, fmt.Errorf("make households over %d titles: at least 20 are needed", len(titles))
	}
	if n < 1 || n > MaxCount {
		return nil, fmt.Errorf("make %d households: want 1 to %d", n, MaxCount)
	}
	w := newWorld(titles, rand.New(rand.NewPCG(seed, 0)))
	out := make([][]Watch, n)
	par.Do(n, func(i int) { out[i] = w.household(rand.New(rand.NewPCG(seed, uint64(i)+1))) })
	return out, nil
}

// household draws one history.
func (w *world) household(rng *rand.Rand) []Watch {
	own := w.ownTaste(rng)
	circles := rng.Perm(len(w.circles))[:2]
	count := min(MinWatches+rng.IntN(MaxWatches-MinWatches+1), len(w.titles)/2)
	left := make([]bool, len(w.titles))
	for i := range left {
		left[i] = true
	}
	at := int64(start + rng.IntN(20)*day)
	var circle int
	history := make([]Watch, 0, count)
	for evening := 0; len(history) < count; evening++ {
		if evening == 0 || rng.Float64() >= stay {
			circle = circles[0]
			if rng.Float64() >= strongCircle {
				circle = circles[1]
			}
		}
		at += int64(day * (1 + int(rng.ExpFloat64()*(betweenDays-1))))
		clock := at - at%day + 18*3600 + int64(rng.IntN(2*3600))
		for range min(1+rng.IntN(4), count-len(history)) {
			i := w.draw(rng, circle, own, left)
			left[i] = false
			history = append(history, Watch{Item: w.titles[i].ID, At: clock})
			clock += int64(40*60 + rng.IntN(60*60))
		}
	}
	return history
}

// draw picks one title that is left, with probability proportional to the exponential of its log-weight.
func (w *world) draw(rng *rand.Rand, circle int, own []float64, left []bool) int {
	best, at := math.Inf(-1), -1
	for i, pull := range w.circles[circle] {
		// The largest log-weight plus Gumbel noise is such a draw (Gumbel 1954; Maddison et al. 2014).
		noise := -math.Log(rng.ExpFloat64())
		if s := pull + own[i] + noise; left[i] && (at < 0 || s > best) {
			best, at = s, i
		}
	}
	return at
}
