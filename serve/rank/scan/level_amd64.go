package scan

import "golang.org/x/sys/cpu"

const (
	avx2   level = 1
	avx512 level = 2
)

// levels are the forms that this processor runs, best first.
func levels() []level {
	out := []level{portable}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		out = append([]level{avx2}, out...)
		if cpu.X86.HasAVX512F {
			out = append([]level{avx512}, out...)
		}
	}
	return out
}

// rooms are the heights of a form's tiles, as in _asm/main.go.
func (l level) rooms() []int {
	switch l {
	case avx512:
		return []int{1, 2, 4, 8, 12}
	case avx2:
		return []int{1, 2, 4, 6}
	}
	return []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
}

func (l level) width(n int) (take, room int) {
	for _, room = range l.rooms() {
		if room >= n {
			return n, room
		}
	}
	return room, room
}

func (l level) scan(f *Found, p *Panels, block, room int, queries []float32, least *[MaxQueries]float32) {
	at := block * Block
	// What assembly reads, it does not look for: here a slice that is too short panics.
	numbers, biases := p.numbers[at*p.dim:(at+Block)*p.dim], p.biases[at:at+Block]
	call := scanner(l, room)
	if call == nil {
		scanGo(f, p, block, room, queries, least)
		return
	}
	call(&f.Hits[0], &f.Scores[0], &numbers[0], &biases[0], &queries[0], &least[0], p.dim, words)
}

// scanner is the assembly of a tile, or nil.
func scanner(l level, room int) func(hits *uint64, scores, panels, biases, queries, least *float32, dim, panelCount int) {
	switch {
	case l == avx512 && room == 1:
		return scan1AVX512
	case l == avx512 && room == 2:
		return scan2AVX512
	case l == avx512 && room == 4:
		return scan4AVX512
	case l == avx512 && room == 8:
		return scan8AVX512
	case l == avx512 && room == 12:
		return scan12AVX512
	case l == avx2 && room == 1:
		return scan1AVX2
	case l == avx2 && room == 2:
		return scan2AVX2
	case l == avx2 && room == 4:
		return scan4AVX2
	case l == avx2 && room == 6:
		return scan6AVX2
	}
	return nil
}

func (l level) above(hits []uint64, scores []float32, least float32) bool {
	switch l {
	case avx512:
		return aboveAVX512(&hits[0], &scores[0], &least, len(hits)) == 0
	case avx2:
		return aboveAVX2(&hits[0], &scores[0], &least, len(hits)) == 0
	}
	for w := range hits {
		hits[w] = aboveGo(scores[w*64:(w+1)*64], least)
	}
	return finiteGo(scores)
}
