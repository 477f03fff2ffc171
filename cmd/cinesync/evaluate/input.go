package evaluate

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cinesync/cinesync/client/history/imports"
	"github.com/cinesync/cinesync/model/split"
)

// Files name a split. Train alone, or a folder alone, gives a validation split: the last training title of everybody is held
// out.
type Files struct {
	Train, Test, Negatives string // in the NCF text format, each plain or gzip
	Data                   string // a folder with train.pairs.tsv or .tsv.gz, or a MovieLens data set
	Items                  int    // titles of the catalogue; 0: one more than the largest id
	Count                  int    // uniform negatives a user, where no file gives them
	Seed                   uint64 // draws them
}

// Read gives the split, and in words what kind it is.
func (f Files) Read() (*split.Split, string, error) {
	switch {
	case f.Data != "" && (f.Train != "" || f.Test != "" || f.Negatives != ""):
		return nil, "", errors.New("--data and files are two ways to name a split: use one")
	case f.Data != "":
		return f.folder()
	case f.Train == "":
		return nil, "", errors.New("--train is missing: name the training file, or a folder with --data")
	case f.Test == "" && f.Negatives != "":
		return nil, "", errors.New("--negatives needs --test")
	}
	plays, err := read(f.Train, split.ReadTrain)
	if err != nil {
		return nil, "", err
	}
	if f.Test == "" {
		return f.validation(plays, f.Items, f.Train)
	}
	test, err := read(f.Test, split.ReadTest)
	if err != nil {
		return nil, "", err
	}
	var negatives []split.Case
	kind := "external split"
	if f.Negatives != "" {
		if negatives, err = read(f.Negatives, split.ReadNegatives); err != nil {
			return nil, "", err
		}
	} else {
		kind += fmt.Sprintf(", %d negatives drawn from seed %d", f.Count, f.Seed)
	}
	s, err := split.Join(plays, test, negatives, f.Items, f.Count, f.Seed)
	return s, kind, err
}

// folder reads a data set, and holds out of it. The newest title of everybody in ratings with times is the test split, which nothing here may
// see; train.pairs lacks it already.
func (f Files) folder() (*split.Split, string, error) {
	for _, name := range []string{"train.pairs.tsv.gz", "train.pairs.tsv"} {
		file := filepath.Join(f.Data, name)
		if _, err := os.Stat(file); err == nil {
			plays, err := read(file, split.ReadTrain)
			if err != nil {
				return nil, "", err
			}
			return f.validation(plays, f.Items, f.Data)
		}
	}
	set, err := imports.ReadMovieLens(f.Data)
	if err != nil {
		return nil, "", fmt.Errorf("--data: no train.pairs.tsv in it, and %w", err)
	}
	place := make(map[string]int, len(set.Titles))
	for i, t := range set.Titles {
		place[t.ID] = i
	}
	plays := &split.Plays{Histories: make([][]int, len(set.Users))}
	for user, u := range set.Users {
		seen := map[int]bool{}
		var h []int
		for _, w := range u.Watches {
			if item, ok := place[w.Item]; ok && !seen[item] {
				seen[item] = true
				h = append(h, item)
			}
		}
		plays.Histories[user] = h[:max(0, len(h)-1)]
	}
	s, kind, err := f.validation(plays, max(f.Items, len(set.Titles)), f.Data)
	return s, kind + "; everybody's newest title, the test split, was set aside first", err
}

func (f Files) validation(plays *split.Plays, items int, from string) (*split.Split, string, error) {
	t := split.Train{Items: items, Histories: plays.Histories}
	for _, h := range plays.Histories {
		for _, item := range h {
			if items == 0 {
				t.Items = max(t.Items, item+1)
			}
		}
	}
	s, err := split.HoldOut(t, f.Count, f.Seed)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", from, err)
	}
	s.Notes.RepeatedPlays = plays.Repeated
	return s, fmt.Sprintf("validation split: everybody's last training title held out, %d negatives drawn from seed %d", f.Count, f.Seed), nil
}

// read opens a file, plain or gzip by its first bytes, and hands it to a parser.
func read[T any](name string, parse func(io.Reader) (T, error)) (T, error) {
	var none T
	f, err := os.Open(name)
	if err != nil {
		return none, err
	}
	defer f.Close()
	from, err := split.Unpack(f)
	if err != nil {
		return none, fmt.Errorf("%s: %w", name, err)
	}
	out, err := parse(from)
	if err != nil {
		return none, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}
