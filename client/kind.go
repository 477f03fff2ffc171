package client

import "strings"

// The kinds of titles.
const (
	Film   = "film"
	Series = "series"
)

// KindOf reads the kind out of an id of the form source:kind:name: Film, Series, or "" where it says neither. A device has no catalogue
// to ask.
func KindOf(id string) string {
	parts := strings.SplitN(id, ":", 3)
	if len(parts) < 3 {
		return ""
	}
	switch parts[1] {
	case "film", "movie":
		return Film
	case "series", "tv", "show":
		return Series
	}
	return ""
}
