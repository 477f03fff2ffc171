package household

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/cinesync/cinesync/serve/catalog"
)

// circleCount is the number of circles of taste in a world.
const circleCount = 8

// world is what all households of one seed share.
type world struct {
	titles  []catalog.Title
	circles [][]float64 // log-weight of each title in each circle, popularity included
}

func newWorld(titles []catalog.Title, rng *rand.Rand) *world {
	w := &world{titles: titles}
	popularity := make([]float64, len(titles))
	for rank, i := range rng.Perm(len(titles)) {
		popularity[i] = -zipf * math.Log(float64(rank+zipfShift))
	}
	for range circleCount {
		w.circles = append(w.circles, newCircle(titles, popularity, rng))
	}
	return w
}

// newCircle draws what a circle favours and weighs every title by it.
func newCircle(titles []catalog.Title, popularity []float64, rng *rand.Rand) []float64 {
	genres := catalog.Genres()
	favoured := make([]string, 3)
	for i, g := range rng.Perm(len(genres))[:len(favoured)] {
		favoured[i] = genres[g]
	}
	era := 1950 + 75*rng.Float64()
	kind := catalog.Film
	if rng.IntN(4) == 0 {
		kind = catalog.Series
	}
	pull := make([]float64, len(titles))
	for i, t := range titles {
		pull[i] = popularity[i]
		for _, g := range t.Genres {
			if slices.Contains(favoured, g) {
				pull[i] += genrePull
			}
		}
		if t.Year != 0 {
			years := (float64(t.Year) - era) / 15
			pull[i] += eraPull * math.Exp(-years*years/2)
		}
		if t.Kind == kind {
			pull[i] += kindPull
		}
		if rng.Float64() < hiddenShare {
			pull[i] += hiddenPull
		}
	}
	return pull
}

// ownTaste draws how much one household likes each title for its genres, on top of its circles.
func (w *world) ownTaste(rng *rand.Rand) []float64 {
	liking := map[string]float64{}
	for _, g := range catalog.Genres() {
		liking[g] = ownPull * rng.NormFloat64()
	}
	own := make([]float64, len(w.titles))
	for i, t := range w.titles {
		for _, g := range t.Genres {
			own[i] += liking[g]
		}
	}
	return own
}
