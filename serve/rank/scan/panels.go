package scan

import "math"

const (
	// Panel is how many titles lie together: number k of all of them stands before number k+1 of any.
	Panel = 64
	// Block is the titles that a call of Scan looks at.
	Block = 4 * Panel
	// MaxQueries is the most queries of a call.
	MaxQueries = 12
	// words is the hits of a query in a block.
	words = Block / 64
)

// Panels is vectors and biases in the order in which Scan reads them.
type Panels struct {
	numbers, biases []float32
	blocks          []size
	dim, titles     int
}

// size is the greatest length of a vector and magnitude of a bias in a block.
type size struct{ norm, bias float64 }

// Pack copies vectors (titles × dim, row by row) and biases (one a title). All are finite.
func Pack(vectors, biases []float32, dim int) *Panels {
	titles := len(biases)
	blocks := (titles + Block - 1) / Block
	p := &Panels{make([]float32, blocks*Block*dim), make([]float32, blocks*Block), make([]size, blocks), dim, titles}
	copy(p.biases, biases)
	for row, bias := range biases {
		vector := vectors[row*dim : (row+1)*dim]
		panel := p.numbers[row/Panel*Panel*dim:]
		var square float64
		for k, x := range vector {
			panel[k*Panel+row%Panel] = x
			square += float64(x) * float64(x)
		}
		s := &p.blocks[row/Block]
		s.norm, s.bias = max(s.norm, math.Sqrt(square)), max(s.bias, math.Abs(float64(bias)))
	}
	return p
}

// Blocks is how many blocks there are; block i holds the titles from i·Block on.
func (p *Panels) Blocks() int { return len(p.blocks) }

// Error is the most by which a score that Scan gives in a block may miss the score that is asked for: the sum in float64 of bias and
// products, rounded to float32. norm is the length of the query. Where a float32 sum might overflow it is +Inf.
//
// A sum of d products and a bias, each step rounded with relative error u = 2^-24, in any order and with or without fused steps, is
// off by at most γ·(|bias| + Σ|q·v|) with γ = (d+1)u / (1−(d+1)u) (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed.,
// section 3.1), and Σ|q·v| ≤ ‖q‖‖v‖. One more u is the last rounding of what is asked for; the factor 1.01 stands for the sums in
// float64, here and there. A product below the normal numbers adds at most 2^-149. Four more u leave room for a caller who adds
// the error to a score, or takes it away, in float32.
func (p *Panels) Error(block int, norm float64) float32 {
	s := p.blocks[block]
	reach := s.bias + norm*s.norm
	if reach > math.MaxFloat32/2 {
		return float32(math.Inf(1))
	}
	d := float64(p.dim)
	return float32(1.01*(d+6)*0x1p-24*reach + (d+1)*0x1p-148)
}

// Width is how many of n queries the next call of Scan should take, and room its rows in an interleaved group: at least as many.
func Width(n int) (take, room int) { return best.width(n) }

// Interleave writes queries (row by row, of width dim) number by number to dst, which has room·dim places; what is missing is 0.
func Interleave(dst, queries []float32, dim, room int) {
	n := len(queries) / dim
	for k := range dim {
		to := dst[k*room : (k+1)*room]
		clear(to)
		for q := range n {
			to[q] = queries[q*dim+k]
		}
	}
}

// Found is what Scan gives: the score of query q and title t of the block is Scores[q·Block+t], and bit t mod 64 of Hits[q·Block/64+t/64]
// is set where the score is not below what was asked for, or is no number.
type Found struct {
	Scores []float32
	Hits   []uint64
}

// NewFound makes place for groups of at most room queries.
func NewFound(room int) *Found {
	return &Found{make([]float32, room*Block), make([]uint64, room*words)}
}

// Of is the hits and the scores of query q.
func (f *Found) Of(q int) (hits *[words]uint64, scores *[Block]float32) {
	return (*[words]uint64)(f.Hits[q*words:]), (*[Block]float32)(f.Scores[q*Block:])
}

// Scan scores a block for a group of room queries, interleaved, and compares with one least score a query. Rows without a query have
// the least score +Inf. Nothing behind the last title is marked.
func (p *Panels) Scan(f *Found, block, room int, queries []float32, least *[MaxQueries]float32) {
	if room < 1 || room > MaxQueries || len(queries) < room*p.dim || len(f.Scores) < room*Block || len(f.Hits) < room*words {
		panic("scan: a group of queries is too short for its room, or its place for what is found; pass what Interleave and NewFound gave")
	}
	best.scan(f, p, block, room, queries, least)
	behind := (block+1)*Block - p.titles // places behind the last title
	for w := words - 1; behind > 0; w-- {
		cut := min(behind, 64)
		for q := range room {
			f.Hits[q*words+w] &= ^uint64(0) >> cut
		}
		behind -= cut
	}
}

// scanGo is the portable form.
func scanGo(f *Found, p *Panels, block, room int, queries []float32, least *[MaxQueries]float32) {
	for q := range room {
		hits, scores := f.Of(q)
		for w := range hits {
			at := block*Block + w*Panel
			sums := (*[Panel]float32)(scores[w*Panel:])
			*sums = [Panel]float32(p.biases[at:])
			panel := p.numbers[at*p.dim:]
			for k := range p.dim {
				x := queries[k*room+q]
				for i, v := range (*[Panel]float32)(panel[k*Panel:]) {
					sums[i] += x * v
				}
			}
			hits[w] = aboveGo(sums[:], least[q])
		}
	}
}

// Above marks which of 64 scores a word are not below least or no number, and tells whether all of them are finite. hits has a word
// for every 64 scores, and one for the rest.
func Above(hits []uint64, scores []float32, least float32) (finite bool) {
	whole := len(scores) / 64
	hits = hits[:(len(scores)+63)/64]
	finite = true
	if whole > 0 {
		finite = best.above(hits[:whole], scores[:whole*64], least)
	}
	if rest := scores[whole*64:]; len(rest) > 0 {
		hits[whole] = aboveGo(rest, least)
		finite = finite && finiteGo(rest)
	}
	return finite
}

// aboveGo is the word of at most 64 scores.
func aboveGo(scores []float32, least float32) (word uint64) {
	for i, s := range scores {
		if !(s < least) {
			word |= 1 << i
		}
	}
	return word
}

func finiteGo(scores []float32) bool {
	for _, s := range scores {
		if s-s != 0 {
			return false
		}
	}
	return true
}
