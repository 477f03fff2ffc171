package history

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// Kind is what an event tells.
type Kind string

// The kinds of events. Seen is watched at an unknown date.
const (
	Play      Kind = "play"
	Seen      Kind = "seen"
	Rating    Kind = "rating"
	Like      Kind = "like"
	Dislike   Kind = "dislike"
	Dropped   Kind = "dropped"
	Watchlist Kind = "watchlist"
	Review    Kind = "review"
	Tag       Kind = "tag"
	List      Kind = "list"
)

// Event is one thing a person did with one work. Zero values and nil mean unknown; the JSON form has its fields in this
// order (design: imports 2).
type Event struct {
	Kind         Kind     `json:"kind"`
	ID           string   `json:"id"` // of a film or show: tmdb:movie:N, tmdb:tv:N, imdb:ttN, movielens:movie:N
	Season       *int     `json:"season,omitempty"`
	Episode      *int     `json:"episode,omitempty"`
	EpisodeTitle string   `json:"episode_title,omitempty"`
	At           string   `json:"at,omitempty"`       // YYYY-MM-DD, or YYYY-MM-DDTHH:MM:SSZ
	Value        float64  `json:"value,omitempty"`    // 0.5 to 10
	Count        int      `json:"count,omitempty"`    // plays summarised here, when above 1
	Seconds      int      `json:"seconds,omitempty"`  // played
	Complete     *bool    `json:"complete,omitempty"` // played to the end
	Rewatch      bool     `json:"rewatch,omitempty"`
	Tags         []string `json:"tags,omitempty"`
	Text         string   `json:"text,omitempty"`  // of a review, a tag, or the name of a list
	Known        *bool    `json:"known,omitempty"` // false: the catalogue lacks the id
	Title        string   `json:"title,omitempty"` // with Known false
}

// The two forms of Event.At.
const (
	dayLayout     = "2006-01-02"
	instantLayout = "2006-01-02T15:04:05Z"
)

// Instant writes Unix seconds as Event.At; the epoch means unknown and gives "".
func Instant(unix int64) string {
	if unix == 0 {
		return ""
	}
	return time.Unix(unix, 0).UTC().Format(instantLayout)
}

// unix reads Event.At as Unix seconds; noon stands for a day, and 0 for unknown.
func unix(at string) (int64, error) {
	if at == "" {
		return 0, nil
	}
	if len(at) == len(dayLayout) {
		t, err := time.Parse(dayLayout, at)
		return t.Add(12 * time.Hour).Unix(), err
	}
	t, err := time.Parse(instantLayout, at)
	return t.Unix(), err
}

// day is the day of Event.At.
func day(at string) string { return at[:min(len(at), len(dayLayout))] }

// longest texts that the store takes.
const (
	maxID   = 128
	maxText = 1 << 20
)

// validate checks what the store relies on.
func (e *Event) validate() error {
	switch e.Kind {
	case Play, Seen, Rating, Like, Dislike, Dropped, Watchlist, Review, Tag, List:
	default:
		return fmt.Errorf("kind is %q, which is none of an event's", e.Kind)
	}
	// source:kind:name, or source:name where a source counts films and shows together: film 1399 is not show 1399
	if parts := strings.Count(e.ID, ":"); len(e.ID) > maxID || parts < 1 || parts < 2 && !strings.HasPrefix(e.ID, "imdb:") {
		return fmt.Errorf("id of a %s is empty, longer than %d bytes, or without a prefix such as tmdb:movie", e.Kind, maxID)
	}
	if _, err := unix(e.At); err != nil {
		return fmt.Errorf("time of a %s: want YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ", e.Kind)
	}
	if !(e.Value == 0 || e.Value >= 0.5 && e.Value <= 10) {
		return fmt.Errorf("value of a %s is %v: want 0.5 to 10", e.Kind, e.Value)
	}
	if e.Kind == Rating && e.Value == 0 {
		return fmt.Errorf("a rating has no value")
	}
	if len(e.Text)+len(e.EpisodeTitle)+len(e.Title) > maxText {
		return fmt.Errorf("texts of a %s are longer than %d bytes", e.Kind, maxText)
	}
	return nil
}

// identity says when two rows tell the same thing (design: imports 3, idempotency).
func (e *Event) identity() [32]byte {
	h := sha256.New()
	field := func(s string) {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(s))))
		h.Write([]byte(s))
	}
	number := func(n *int) {
		if n == nil {
			field("")
			return
		}
		field(fmt.Sprint(*n))
	}
	field(string(e.Kind))
	field(e.ID)
	switch e.Kind {
	case Tag, List:
		field(e.Text)
	default:
		number(e.Season)
		number(e.Episode)
	}
	switch e.Kind {
	case Play, Rating, Review:
		field(e.EpisodeTitle)
		field(e.At)
	}
	if e.Kind == Review {
		field(e.Text)
	}
	return [32]byte(h.Sum(nil))
}

// RowHash is the hash of a source's row: SHA-256 of the source and the row's content, each field with its length.
func RowHash(source string, fields ...string) [32]byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(source)))
	b = append(b, source...)
	for _, f := range fields {
		b = binary.BigEndian.AppendUint32(b, uint32(len(f)))
		b = append(b, f...)
	}
	return sha256.Sum256(b)
}
