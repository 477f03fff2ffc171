package catalog

import (
	"math"
	"slices"
)

// Shape of the feature matrix: one column a genre, one a decade from firstDecade on, the year, and the kind.
const (
	firstDecade = 1920
	decades     = 11 // 1920s to 2020s; older and newer years count to the nearest
)

// Weights of the groups of columns. Genres say most about who likes a title; the year and the kind say some.
const (
	eraWeight  = 0.5
	kindWeight = 0.3
)

// FeatureColumns is the number of columns that Features gives: genres, decades, year, kind.
func FeatureColumns() int { return len(genres) + decades + 2 }

// Features gives one row a title, FeatureColumns wide, from public facts alone: the matrix that a model's content start is
// computed from (design: architecture 4, accuracy 3). A row holds the genres, scaled to unit length together; the decade,
// shared between the two nearest so that 1969 and 1970 are alike; the year from -1 (1920) to 1 (2030); and +1 for a film, -1 for
// a series. Era and kind columns are weighted down. An unknown year leaves its columns zero.
func Features(titles []Title) [][]float32 {
	rows := make([][]float32, len(titles))
	flat := make([]float32, len(titles)*FeatureColumns())
	for i, t := range titles {
		row := flat[i*FeatureColumns() : (i+1)*FeatureColumns()]
		genreColumns(row[:len(genres)], t.Genres)
		if t.Year != 0 {
			eraColumns(row[len(genres):len(genres)+decades+1], t.Year)
		}
		kind := float32(kindWeight)
		if t.Kind == Series {
			kind = -kindWeight
		}
		row[len(row)-1] = kind
		rows[i] = row
	}
	return rows
}

func genreColumns(row []float32, list []string) {
	if len(list) == 0 {
		return
	}
	each := float32(1 / math.Sqrt(float64(len(list))))
	for _, g := range list {
		if at := slices.Index(genres, g); at >= 0 {
			row[at] = each
		}
	}
}

// eraColumns writes the decades and, last, the year.
func eraColumns(row []float32, year int) {
	at := float64(year-firstDecade)/10 - 0.5 // 0 is the middle of the first decade
	at = min(max(at, 0), decades-1)
	low := int(at)
	part := float32(at - float64(low))
	row[low] = eraWeight * (1 - part)
	if part > 0 {
		row[low+1] = eraWeight * part
	}
	scaled := float64(year-firstDecade)/(10*decades)*2 - 1
	row[decades] = float32(eraWeight * min(max(scaled, -1), 1))
}
