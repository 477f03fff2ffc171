package train

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/model/split"
)

// withNew is world's people with so many titles that no training holds.
func withNew(t testing.TB, people, titles int) *Data {
	t.Helper()
	d := world(t, people)
	full := split.Train{Items: d.Split.Train.Items}
	for i, c := range d.Split.Cases {
		full.Histories = append(full.Histories, append(append([]int(nil), d.Split.Train.Histories[i]...), c.Item))
	}
	var err error
	if d.Split, err = split.HoldNew(full, titles, 2, 30, 1); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestANewTitleIsRankedByWhatItShares: people of the first half of the titles like comedies, and a comedy that nobody watched ranks above
// chance for them once its row is foretold, where as trained and by popularity it ranks below.
func TestANewTitleIsRankedByWhatItShares(t *testing.T) {
	d := withNew(t, 120, 20)
	for _, start := range []string{task.Content, task.Random} {
		r, served := run(t, Options{Task: small(t, "new", func(t *task.Task) { t.Model.Fresh, t.Model.Start = true, start }), Data: d})
		if r.Trained == nil || len(r.Trained.HR10.Values) != 2 {
			t.Fatalf("%s start: as trained %+v", start, r.Trained)
		}
		if r.HR10 < r.Random.HR10+0.15 || r.HR10 <= r.Trained.HR10.Mean || r.HR10 <= r.Popularity.HR10 {
			t.Errorf("%s start: HR@10 %.3f of new titles, as trained %.3f, by chance %.3f, popularity %.3f", start, r.HR10, r.Trained.HR10.Mean, r.Random.HR10, r.Popularity.HR10)
		}
		b, err := newBench(Options{Task: small(t, "new", nil), Data: d})
		if err != nil {
			t.Fatal(err)
		}
		result, err := b.measure(served)
		if err != nil || flat(result) != r.Runs[0].Figures {
			t.Errorf("the model that is written does %+v, and the report says %+v (%v)", flat(result), r.Runs[0].Figures, err)
		}
		var text strings.Builder
		if err := r.Print(&text); err != nil || !strings.Contains(text.String(), "fresh rows as trained") || !strings.Contains(text.String(), "random") {
			t.Errorf("%v\n%s", err, text.String())
		}
	}
}

func TestPeopleAndNewTitlesAreRead(t *testing.T) {
	d := task.Data{Set: "ml-1m", Layout: task.Pairs, SetAside: task.None, HoldOut: task.Newest, Titles: task.All, Least: 1, NewTitles: 1}
	dir := folder(t, "0\t1\n0\t2\n1\t2\n1\t1\n2\t2\n2\t1\n3\t1\n3\t2\n")
	got, err := Read(dir, d)
	if err != nil {
		t.Fatal(err)
	}
	fresh := got.Split.Cases[0].Item
	for _, h := range got.Split.Train.Histories {
		if fmt.Sprint(h) != fmt.Sprint([]int{3 - fresh}) {
			t.Errorf("title %d is new, and %v is trained on", fresh, h)
		}
	}
	if len(got.Split.Cases) != 2 || len(got.Split.Train.Histories) != 4 {
		t.Errorf("%d judged of %d: want those who watched it after the other one, and all", len(got.Split.Cases), len(got.Split.Train.Histories))
	}
	d.NewTitles, d.People = 0, 3
	if got, err = Read(dir, d); err != nil || len(got.Split.Train.Histories) != 3 {
		t.Errorf("%v people of the first three, %v", got, err)
	}
}
