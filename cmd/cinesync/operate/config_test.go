package operate

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/model"
)

// config is one that a coordinator of four demo devices could have.
func config() *Config {
	return &Config{LogOrigin: "operate.test/demo", Listen: "127.0.0.1:0", LogDir: "../log", Task: Task{Family: model.TwoTowerFamily,
		Purpose: "Test a coordinator's folder.", Rounds: 1, Mode: "SM", Members: 4, MinMembers: 3, GammaBP: 500, DeltaBP: 3000, Lambda: 40, Eta: 20,
		Clip: 1, CInt: 129, SigmaTotSq: 4161, P: 10, B: 1, CeilingUnits: 1 << 50, PeriodSeconds: 2592000, Deadlines: [5]uint32{10, 20, 30, 40, 50},
		GraceMillis: 100, IntervalMS: 100, ExpirySeconds: 86400}}
}

// written is coordinator.json with one change, as text.
func written(t *testing.T, change func(text string) string) string {
	t.Helper()
	dir := t.TempDir()
	if err := config().Save(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "coordinator.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := change(string(b))
	if text == string(b) {
		t.Fatal("the change changes nothing")
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestConfigurationComesBackAsItWasSaved(t *testing.T) {
	dir := t.TempDir()
	if err := config().Save(dir); err != nil {
		t.Fatal(err)
	}
	got, err := LoadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config(), got); diff != "" {
		t.Errorf("-saved +loaded:\n%s", diff)
	}
}

func TestBadConfigurationIsRefusedByName(t *testing.T) {
	replace := func(old, new string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, new, 1) }
	}
	for name, c := range map[string]struct {
		change func(string) string
		word   string
	}{
		"unknown field":         {replace(`"listen"`, `"listens"`), `field "listens" is unknown`},
		"unknown task field":    {replace(`"clip"`, `"clipping"`), `field "task.clipping" is unknown`},
		"other spelling":        {replace(`"listen"`, `"Listen"`), `field "Listen" is unknown`},
		"field twice":           {replace(`"log_dir"`, `"log_origin": "a", "log_dir"`), "twice"},
		"task field twice":      {replace(`"clip"`, `"clip": 2, "clip"`), "twice"},
		"trailing object":       {func(s string) string { return s + "{}" }, "follows the object"},
		"trailing word":         {func(s string) string { return s + "x" }, "follows the object"},
		"cut":                   {func(s string) string { return s[:len(s)/2] }, "ends inside the object"},
		"empty":                 {func(string) string { return "" }, "the file is empty: put it back from a backup"},
		"blank":                 {func(string) string { return " \n" }, "the file is empty"},
		"a list":                {func(s string) string { return "[" + s + "]" }, "JSON object is wanted"},
		"task is a list":        {replace(`"task": {`, `"task": [], "x": {`), "object is wanted"},
		"not UTF-8":             {replace("Test a", "Test \xff"), "UTF-8"},
		"oversized":             {func(s string) string { return s + strings.Repeat(" ", maxConfig) }, "more than"},
		"null":                  {replace(`"127.0.0.1:0"`, `null`), "listen is null"},
		"no listen":             {replace(`"127.0.0.1:0"`, `""`), "listen is"},
		"TCP without a port":    {replace(`"listen_tcp": ""`, `"listen_tcp": "127.0.0.1"`), "listen_tcp is \"127.0.0.1\": want host:port"},
		"listen without a port": {replace(`127.0.0.1:0`, `127.0.0.1`), "listen is \"127.0.0.1\": want host:port"},
		"http without a port":   {replace(`"http": ""`, `"http": "localhost"`), "http is \"localhost\""},
		"no origin":             {replace(`"operate.test/demo"`, `""`), "log_origin"},
		"no log folder":         {replace(`"../log"`, `""`), "log_dir"},
		"no purpose":            {replace(`"Test a coordinator's folder."`, `""`), "task.purpose"},
		"no mode":               {replace(`"mode": "SM"`, `"mode": ""`), `task.mode is ""`},
		"clip rule of nothing":  {replace(`"clip"`, `"adapt_clip": {}, "clip"`), `task.adapt_clip: clip rule: quantile is 0, want a number between 0 and 1; leave it out`},
		"clip rule, odd field":  {replace(`"clip"`, `"adapt_clip": {"speed": 1}, "clip"`), `field "task.adapt_clip.speed" is unknown`},
		"unknown mode":          {replace(`"mode": "SM"`, `"mode": "SH"`), "want W"},
		"mode W alone":          {replace(`"mode": "SM"`, `"mode": "W"`), "no witnesses are named"},
		"a policy of nobody":    {replace(`"log_dir"`, `"witness_policy": "policy", "log_dir"`), "go together"},
		"witnesses for nothing": {replace(`"log_dir"`, `"witnesses": ["http://127.0.0.1:1"], "log_dir"`), "go together"},
		"unknown family":        {replace(`"two-tower"`, `"bert"`), `task.family: model family "bert" is unknown`},
		"negative rounds":       {replace(`"rounds": 1`, `"rounds": -1`), "task.rounds is -1"},
		"no period":             {replace(`"period_seconds": 2592000`, `"period_seconds": 0`), "task.period_seconds is 0"},
		"short period":          {replace(`"period_seconds": 2592000`, `"period_seconds": 2591999`), "task.period_seconds is 2591999: want 2592000"},
		"endless period":        {replace(`"period_seconds": 2592000`, `"period_seconds": 9223372036854775808`), "task.period_seconds"},
		"no expiry":             {replace(`"expiry_seconds": 86400`, `"expiry_seconds": 0`), "task.expiry_seconds is 0"},
		"text for a number":     {replace(`"members": 4`, `"members": "4"`), "members"},
		"negative members":      {replace(`"members": 4`, `"members": -4`), "members"},
		"fraction":              {replace(`"c_int": 129`, `"c_int": 1.5`), "c_int"},
		"too many for 16 bits":  {replace(`"gamma_basis_points": 500`, `"gamma_basis_points": 65536`), "gamma_basis_points"},
		"four deadlines":        {replace("      20,\n", ""), "task.deadlines_seconds: want a list of 5"},
		"six deadlines":         {replace("      20,\n", "20, 21,\n"), "task.deadlines_seconds: want a list of 5"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := written(t, c.change)
			_, err := LoadConfig(dir)
			if err == nil {
				t.Fatal("it was taken")
			}
			for _, word := range []string{c.word, filepath.Join(dir, "coordinator.json")} {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("error %q does not say %q", err, word)
				}
			}
		})
	}
}

func TestFieldsThatMayBeLeftOutAreZero(t *testing.T) {
	dir := written(t, func(s string) string {
		for _, line := range []string{`"http": "",`, `"catalogue": "",`, `"interval_milliseconds": 100,`} {
			s = strings.Replace(s, line, "", 1)
		}
		return s
	})
	got, err := LoadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := config()
	want.Task.IntervalMS = 0
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFolderWithoutACoordinatorIsNamed(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadConfig(dir); err == nil || !strings.Contains(err.Error(), dir+" holds no coordinator") || !strings.Contains(err.Error(), "--dir") {
		t.Errorf("%v", err)
	}
}

func FuzzParseConfig(f *testing.F) {
	whole, err := json.Marshal(config())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"task":{"deadlines_seconds":[1,2,3,4,5]}}`))
	f.Add([]byte(`{"listen":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseConfig(b)
		if err != nil {
			return
		}
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		back, err := parseConfig(again)
		if err != nil {
			t.Fatalf("what was taken is refused when it is saved: %v", err)
		}
		if diff := cmp.Diff(c, back); diff != "" {
			t.Errorf("-taken +saved and loaded:\n%s", diff)
		}
	})
}
