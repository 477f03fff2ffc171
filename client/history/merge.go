package history

import (
	"slices"
	"strings"
)

// Import is what was read from one source, ready to be applied.
type Import struct {
	Source  string // such as "movielens"
	At      int64  // when, Unix seconds; 0 unknown
	Files   []string
	Rows    []Row // in the order of the source
	Pending []Pending
	Titles  []Title
}

// Row is one row of a source that found its work. A zero Hash stands for the hash of the source and the event.
type Row struct {
	File  string
	Row   int // counted from 1
	Hash  [32]byte
	Event Event
}

// Pending is a row that waits for a person or a newer catalogue. Event has no id.
type Pending struct {
	File       string
	Row        int
	Hash       [32]byte
	Title      string
	Year       int
	Why        string
	Candidates []string
	Event      Event
}

// Title is a work's name.
type Title struct {
	ID    string
	Title string
	Year  int // 0 unknown
}

// Outcome counts where the rows of an import went: a row made a new event, added to an event, or said again what is known.
// Events are the new and changed ones, in the order of the rows.
type Outcome struct {
	Made, Merged, Duplicates int
	Events                   []Event
}

// Distinct is the outcome of applying rows of one source to an empty history.
func Distinct(rows []Row) Outcome {
	var o Outcome
	at := make(map[[32]byte]int, len(rows))
	for i := range rows {
		e := &rows[i].Event
		key := e.identity()
		j, known := at[key]
		if !known {
			at[key] = len(o.Events)
			o.Events = append(o.Events, *e)
			o.Made++
			continue
		}
		if merge(&o.Events[j], e) {
			o.Merged++
		} else {
			o.Duplicates++
		}
	}
	return o
}

// merge adds to an event what another row says about it, and tells whether that was anything new. Where the two differ,
// what was said first stands, except that plays grow: the longer time, the larger count.
func merge(into, from *Event) bool {
	changed := false
	fill := func(dst *string, src string) {
		if *dst == "" && src != "" {
			*dst, changed = src, true
		}
	}
	grow := func(dst *int, src int) {
		if src > *dst {
			*dst, changed = src, true
		}
	}
	fill(&into.EpisodeTitle, from.EpisodeTitle)
	fill(&into.Text, from.Text)
	grow(&into.Count, from.Count)
	grow(&into.Seconds, from.Seconds)
	if into.Value == 0 && from.Value != 0 {
		into.Value, changed = from.Value, true
	}
	if from.Complete != nil && (into.Complete == nil || *from.Complete && !*into.Complete) {
		into.Complete, changed = from.Complete, true
	}
	if from.Rewatch && !into.Rewatch {
		into.Rewatch, changed = true, true
	}
	for _, t := range from.Tags {
		if !slices.Contains(into.Tags, t) {
			into.Tags, changed = append(slices.Clip(into.Tags), t), true
		}
	}
	if into.Known != nil && !*into.Known && from.Known != nil && *from.Known {
		into.Known, into.Title, changed = from.Known, "", true
	}
	if len(into.At) == len(dayLayout) && len(from.At) > len(into.At) && day(from.At) == into.At {
		into.At, changed = from.At, true // a play told by two sources keeps the more exact time
	}
	return changed
}

// better tells whether a row that is read again found a better id: one of the world outside instead of a data set's own
// number, or one that the catalogue knows instead of one that it lacks.
func better(old, found *Event) bool { return standing(found) > standing(old) }

func standing(e *Event) int {
	switch {
	case strings.HasPrefix(e.ID, "movielens:"):
		return 0
	case e.Known != nil && !*e.Known:
		return 1
	}
	return 2
}
