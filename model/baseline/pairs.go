package baseline

import "github.com/cinesync/cinesync/model/split"

// watchers gives the users of each title.
func watchers(t split.Train) [][]int32 {
	out := make([][]int32, t.Items)
	for i, n := range t.Counts() {
		out[i] = make([]int32, 0, n)
	}
	for user, h := range t.Histories {
		for _, item := range h {
			out[item] = append(out[item], int32(user))
		}
	}
	return out
}

// together adds to row how many of these users watched each title.
func together(t split.Train, users []int32, row []float64) {
	for _, u := range users {
		for _, item := range t.Histories[u] {
			row[item]++
		}
	}
}
