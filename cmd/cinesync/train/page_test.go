package train

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
)

// reports are two of small trainings under the names of built-in tasks.
func reports(t *testing.T) fstest.MapFS {
	t.Helper()
	fsys := fstest.MapFS{}
	for _, name := range []string{"ml-1m", "ml-1m-eps8"} {
		r, _ := run(t, Options{Task: small(t, name, func(t *task.Task) { t.Rounds.Count = 3 }), Data: world(t, 40), Command: "cinesync train --task " + name + " --data DATA"})
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		fsys[name+".json"] = &fstest.MapFile{Data: b}
	}
	fsys["ml-1m.svg"] = &fstest.MapFile{Data: []byte("<svg/>")}
	return fsys
}

func TestThePageSaysWhatEveryFigureRestsOn(t *testing.T) {
	fsys := reports(t)
	page, err := Page(fsys, "accuracy")
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	for _, want := range []string{"cinesync train --task ml-1m-eps8 --data DATA", "popularity", "without noise", "ε = 8 at δ = 1e-05", "one person, their whole history",
		"no amplification", "hand engine, trained by cpu; seeds 1, 2", "±", "accuracy/ml-1m.svg", "Not measured here: ml-1m-100, ml-100k,", ".79/.565", ".805/.585", "no noise: nothing is promised", "matched", "full"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(text, "<no value>") || strings.Contains(text, "accuracy/ml-1m-eps8.svg") {
		t.Error("the page has holes, or a picture that there is not")
	}
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "|") && strings.Count(line, "|") != 13 && strings.Count(line, "|") != 8 {
			t.Errorf("a row of %d columns: %s", strings.Count(line, "|")-1, line)
		}
	}
}

func TestThePagePrintsNothingAlone(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"without popularity":   func(m map[string]any) { delete(m, "popularity") },
		"with popularity null": func(m map[string]any) { m["popularity"] = nil },
		"that nothing judged":  func(m map[string]any) { m["unjudged"], m["judged"] = "nothing is held out", 0 },
		"of fewer seeds": func(m map[string]any) {
			m["failed"], m["seeds"] = "the model is trained, but seed 2 diverged", []int{1}
		},
		"without the no-noise run": func(m map[string]any) { m["without_noise"] = nil },
		"of another task":          func(m map[string]any) { m["task"] = "ml-1m" },
		"of another program":       func(m map[string]any) { m["best_round"] = 7 },
		"of no seed":               func(m map[string]any) { m["runs"] = []Single{} },
	} {
		fsys := reports(t)
		var m map[string]any
		if err := json.Unmarshal(fsys["ml-1m-eps8.json"].Data, &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		fsys["ml-1m-eps8.json"] = &fstest.MapFile{Data: b}
		if _, err := Page(fsys, "accuracy"); err == nil {
			t.Errorf("a report %s is printed", name)
		}
	}
	if _, err := Page(fstest.MapFS{}, "accuracy"); err == nil {
		t.Error("a page of nothing")
	}
}

// TestThePageTakesReportsThatDoNotSayWhatTrained reads one of before there was that field, and one of a GPU.
func TestThePageTakesReportsThatDoNotSayWhatTrained(t *testing.T) {
	fsys := reports(t)
	for name, by := range map[string]any{"ml-1m": nil, "ml-1m-eps8": "Abacus 9"} {
		var m map[string]any
		if err := json.Unmarshal(fsys[name+".json"].Data, &m); err != nil {
			t.Fatal(err)
		}
		m["trained_by"] = by
		if by == nil {
			delete(m, "trained_by")
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		fsys[name+".json"] = &fstest.MapFile{Data: b}
	}
	page, err := Page(fsys, "accuracy")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"hand engine; seeds", "hand engine, trained by Abacus 9; seeds"} {
		if strings.Count(string(page), want) != 1 {
			t.Errorf("the page does not say %q once", want)
		}
	}
}

// TestThePageTakesAPopularityOfNought: 0 is a figure like others.
func TestThePageTakesAPopularityOfNought(t *testing.T) {
	fsys := reports(t)
	var m map[string]any
	if err := json.Unmarshal(fsys["ml-1m-eps8.json"].Data, &m); err != nil {
		t.Fatal(err)
	}
	m["popularity"] = Figures{}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	fsys["ml-1m-eps8.json"] = &fstest.MapFile{Data: b}
	page, err := Page(fsys, "accuracy")
	if err != nil || !strings.Contains(string(page), "| popularity | 0.000 | 0.000 |") {
		t.Errorf("%v\n%s", err, page)
	}
}
