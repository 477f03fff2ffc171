package imports

import (
	"fmt"
	"strings"
)

// Unreadable counts the rows that cannot be read; the store keeps nothing of them.
func (r Report) Unreadable() int {
	n := 0
	for _, u := range r.Unmatched {
		if u.Why == badRow || u.Why == badDate {
			n++
		}
	}
	return n
}

// Waiting counts the rows that the store keeps until a catalogue knows their titles.
func (r Report) Waiting() int { return len(r.Ambiguous) + len(r.Unmatched) - r.Unreadable() }

// Useless tells whether not one row of the person could be read.
func (r Report) Useless() bool {
	bad := r.Unreadable()
	return bad > 0 && bad+r.Ignored[otherUser] == r.Rows
}

// Unplaced describes the first rows, at most n, that found no place, a line each: file, row and reason. It is for the person
// whose rows they are, and nobody else.
func (r Report) Unplaced(n int) []string {
	var out []string
	for _, a := range r.Ambiguous[:min(n, len(r.Ambiguous))] {
		out = append(out, fmt.Sprintf("%s row %d: %s may be %s (%s)", a.File, a.Row, work(a.Title, a.Year), strings.Join(a.Candidates, " or "), a.Why))
	}
	for _, u := range r.Unmatched[:min(n-len(out), len(r.Unmatched))] {
		what := "cannot be read, or its film is not among the titles"
		switch u.Why {
		case badDate:
			what = "its time cannot be read"
		case unknownTitle:
			what = fmt.Sprintf("%s is not in the catalogue", work(u.Title, u.Year))
		}
		out = append(out, fmt.Sprintf("%s row %d: %s (%s)", u.File, u.Row, what, u.Why))
	}
	return out
}

// work names a film; the quotes keep what a file holds from speaking to the terminal.
func work(title string, year int) string {
	if year == 0 {
		return fmt.Sprintf("%q", title)
	}
	return fmt.Sprintf("%q (%d)", title, year)
}
