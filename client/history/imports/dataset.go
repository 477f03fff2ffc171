package imports

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/cinesync/cinesync/client/history"
)

// Dataset is a whole MovieLens data set: every title and every person, for measuring.
type Dataset struct {
	Titles  []Title // by MovieLens number
	Users   []User  // by ID
	Skipped int     // rating rows that could not be read
}

// Title is a film. ID is what Read gives without a catalogue: the links' where there are any, else movielens:movie:N.
type Title struct {
	ID, Title string
	Year      int // 0 unknown
	Genres    []string
	Facts
}

// User is one person's watches in time order, one a title; at one time, the order of the file stands.
type User struct {
	ID      int
	Watches []history.Watch
}

// ReadMovieLens reads a data set from a folder or zip in one pass. It holds all of it: some 30 bytes a rating.
func ReadMovieLens(dir string) (*Dataset, error) {
	src, err := openSource(dir, movieLensCompanions)
	if err != nil {
		return nil, fmt.Errorf("read data set %s: %w", dir, err)
	}
	d, err := readDataset(context.Background(), src)
	if err := errors.Join(err, src.close()); err != nil {
		return nil, fmt.Errorf("read data set %s: %w", dir, err)
	}
	return d, nil
}

func readDataset(ctx context.Context, src *source) (*Dataset, error) {
	set, err := findDataset(src, false)
	if err != nil {
		return nil, err
	}
	table, err := readMovies(ctx, set)
	if err != nil {
		return nil, err
	}
	films := newResolver(table, nil)
	d := &Dataset{Titles: titlesOf(films, nil)}
	index := map[int]int{}
	ratings := set[ratings]
	_, err = ratings.each(ctx, func(r *row) error {
		user, watch, ok := rating(films, r)
		if !ok {
			d.Skipped++
			return nil
		}
		i, known := index[user]
		if !known {
			i = len(d.Users)
			index[user] = i
			d.Users = append(d.Users, User{ID: user})
		}
		d.Users[i].Watches = append(d.Users[i].Watches, watch)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(d.Users) == 0 {
		return nil, fmt.Errorf("%s holds no rating that can be read: %w", ratings.name, ErrUnreadable)
	}
	slices.SortFunc(d.Users, func(a, b User) int { return cmp.Compare(a.ID, b.ID) })
	for i := range d.Users {
		d.Users[i].Watches = inOrder(d.Users[i].Watches)
	}
	return d, nil
}

// rating reads one row as a watch.
func rating(films *resolver, r *row) (user int, w history.Watch, ok bool) {
	if r.fields == nil {
		return 0, w, false
	}
	user, okUser := number(r.column(0))
	n, okFilm := number(r.column(1))
	film := films.film(n)
	stars, errStars := strconv.ParseFloat(r.column(2), 64)
	at, okTime := seconds(r.column(3))
	if !okUser || !okFilm || film == nil || errStars != nil || !(stars >= 0.5 && stars <= 5) || !okTime {
		return 0, w, false
	}
	w.Item = film.id
	w.At = at
	return user, w, true
}

// inOrder sorts by time and keeps the first watch of each title.
func inOrder(watches []history.Watch) []history.Watch {
	slices.SortStableFunc(watches, func(a, b history.Watch) int { return cmp.Compare(a.At, b.At) })
	seen := make(map[string]bool, len(watches))
	return slices.DeleteFunc(watches, func(w history.Watch) bool {
		twice := seen[w.Item]
		seen[w.Item] = true
		return twice
	})
}

// titlesOf lists the titles by number, one for each id.
func titlesOf(films *resolver, facts map[int]Facts) []Title {
	var out []Title
	seen := map[string]bool{}
	for _, n := range sortedKeys(films.movies) {
		if t := films.title(n, facts[n]); !seen[t.ID] {
			seen[t.ID] = true
			out = append(out, t)
		}
	}
	return out
}
