package split

import "fmt"

// Notes counts what a split's files held beside the expected. None of it stops a run; a report prints it.
type Notes struct {
	RepeatedPlays     int `json:"repeated_plays"`     // a title more than once in one history: its first place counts
	UsersNotJudged    int `json:"users_not_judged"`   // in training, with nothing held out
	WithoutHistory    int `json:"without_history"`    // judged, with nothing in training
	NewTitles         int `json:"new_titles"`         // held out, and in nobody's training
	RepeatedNegatives int `json:"repeated_negatives"` // counted once
	HeldOutNegatives  int `json:"held_out_negatives"` // the held-out title among its own negatives: left out
	WatchedNegatives  int `json:"watched_negatives"`  // in the user's own training: kept as given
}

// Lines says in words what was found, nothing where all is as expected.
func (n Notes) Lines() []string {
	var out []string
	for _, note := range []struct {
		count int
		text  string
	}{
		{n.RepeatedPlays, "%d plays repeat a title of the same user: the first one counts"},
		{n.UsersNotJudged, "%d users have nothing held out: they train and are not judged"},
		{n.WithoutHistory, "%d judged users have no training titles"},
		{n.NewTitles, "%d held-out titles are in nobody's training"},
		{n.RepeatedNegatives, "%d negatives repeat another one of the same user: counted once"},
		{n.HeldOutNegatives, "%d users have the held-out title among its own negatives: left out there"},
		{n.WatchedNegatives, "%d negatives are in the user's own training: kept as given"},
	} {
		if note.count > 0 {
			out = append(out, fmt.Sprintf(note.text, note.count))
		}
	}
	return out
}
