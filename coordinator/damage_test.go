package coordinator_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

// refused wants a start to fail with these words, and to leave the store as it was.
func (w *world) refused(words ...string) {
	w.Helper()
	before := w.disk.rows
	err := w.start(nil)
	if err == nil {
		w.Error("the coordinator started")
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			w.Errorf("error %q does not say %q", err, word)
		}
	}
	if w.disk.rows != before {
		w.Error("the refused start wrote to the store")
	}
}

// ran is a world whose coordinator has published a version and is down.
func ran(t *testing.T, test func(w *world)) {
	t.Helper()
	bubble(t, terms{}, func(w *world) {
		w.mustStart()
		w.join(w.devices...)
		w.await("done", 0)
		if err := w.halt(); err != nil {
			t.Fatal(err)
		}
		test(w)
	})
}

func TestFolderOfAnotherTaskIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*coordinator.Config)
		word   string
	}{
		"ceiling":         {func(c *coordinator.Config) { c.Task.Ceiling++ }, "ceiling"},
		"period":          {func(c *coordinator.Config) { c.Task.Period += time.Hour }, "period"},
		"short":           {func(c *coordinator.Config) { c.Task.Period -= time.Nanosecond }, "at least 30 days"},
		"least":           {func(c *coordinator.Config) { c.Task.NMin++ }, "least members"},
		"family":          {func(c *coordinator.Config) { c.Task.Local.Name = model.NCFFamily }, "family"},
		"local steps":     {func(c *coordinator.Config) { c.Task.Local.Steps++ }, "local function"},
		"purpose":         {func(c *coordinator.Config) { c.Task.Purpose = "Sell it." }, "purpose"},
		"clip":            {func(c *coordinator.Config) { c.Task.C = 2 }, "clip"},
		"noise":           {func(c *coordinator.Config) { c.Task.SigmaTotSq *= 2 }, "noise"},
		"key":             {func(c *coordinator.Config) { c.Identity = identity("another", protocol.ClassCoordinator) }, "entry 0"},
		"log key":         {func(c *coordinator.Config) { c.LogKey = prototest.Key("another") }, "own log folder"},
		"log origin":      {func(c *coordinator.Config) { c.LogOrigin = "another/demo" }, "own log folder"},
		"nonsense":        {func(c *coordinator.Config) { c.Task.NMin = 2 }, "n_min"},
		"too long":        {func(c *coordinator.Config) { c.Task.Deadlines[4] = 7*24*3600 + 1 }, "deadline of 604801 s is more than 604800"},
		"too many":        {func(c *coordinator.Config) { c.Task.NTarget = protocol.MaxRoster + 1 }, "n_target 16385 is more than 16384"},
		"backwards":       {func(c *coordinator.Config) { c.Task.Deadlines[1] = 1 }, "deadlines"},
		"no time to draw": {func(c *coordinator.Config) { c.Task.Deadlines[1] = c.Task.Deadlines[0] }, "leave 0s for phase shares"},
		"mode":            {func(c *coordinator.Config) { c.Task.Mode = 1 }, "mode"},
		"no such mode":    {func(c *coordinator.Config) { c.Task.Mode = 4 }, "want W, SM or SH"},
		"no such kex":     {func(c *coordinator.Config) { c.Task.Kex = 3 }, "kex is 3"},
		"no such prg":     {func(c *coordinator.Config) { c.Task.PRG = 4 }, "prg is 4"},
		"no such sig":     {func(c *coordinator.Config) { c.Task.Sig = 3 }, "sig is 3"},
		"odd words":       {func(c *coordinator.Config) { c.Task.WordBits = 20 }, "word_bits is 20"},
		"words too few":   {func(c *coordinator.Config) { c.Task.WordBits = 16; c.Task.SigmaTotSq = 1 << 27 }, "members"},
		"x_max":           {func(c *coordinator.Config) { c.Task.XMax = c.Task.CInt + 1 }, "members"},
		"many cohorts":    {func(c *coordinator.Config) { c.Task.Cohorts = 33 }, "cohorts is 33"},
		"uneven":          {func(c *coordinator.Config) { c.Task.Cohorts, c.Task.NTarget = 2, 7 }, "multiple of 2 cohorts"},
		"thin cohorts":    {func(c *coordinator.Config) { c.Task.Cohorts = 2 }, "at least n_min 3"},
		"nobody watches":  {func(c *coordinator.Config) { c.Task.Mode = aggregation.ModeW }, "no witnesses"},
		"weak graph": {func(c *coordinator.Config) {
			c.Task.Mode, c.Task.Lambda, c.Witnesses, c.WitnessPolicy = aggregation.ModeW, 79, &witnesses{}, somePolicy()
		}, "lambda is 79"},
		"no second half":    {func(c *coordinator.Config) { c.Task.Sig = 2 }, "certificate is not hybrid"},
		"half an authority": {func(c *coordinator.Config) { c.Task.Sig, c.AuthorityPQ = 2, nil }, "ML-DSA key is not known"},
		"no noise":          {func(c *coordinator.Config) { c.Task.SigmaTotSq = 1 }, "noise"},
		"no clip":           {func(c *coordinator.Config) { c.Task.C = 0 }, "clip"},
		"no budget":         {func(c *coordinator.Config) { c.Task.Ceiling = 0 }, "ceiling"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, terms{}, func(w *world) {
				w.mustStart()
				w.halt()
				old := w.cfg
				c.change(&w.cfg)
				w.refused(c.word)
				w.cfg = old
				w.mustStart()
			})
		})
	}
}

func TestStartThatIsNoModelIsRefused(t *testing.T) {
	for name, spoil := range map[string]func([]byte) []byte{
		"nothing": func([]byte) []byte { return nil },
		"cut":     func(b []byte) []byte { return b[:len(b)-1] },
		"longer":  func(b []byte) []byte { return append(slices.Clone(b), 0) },
		"text":    func([]byte) []byte { return []byte("a model") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, terms{}, func(w *world) {
				w.cfg.Start = spoil(w.cfg.Start)
				w.refused("starting model")
			})
		})
	}
}

func TestDamagedModelFilesAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		ext    string
		damage func([]byte) []byte
		words  []string
	}{
		"head flipped":      {"snapshot", func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, []string{"head model", "hash to its name", "backup"}},
		"head cut":          {"snapshot", func(b []byte) []byte { return b[:len(b)/2] }, []string{"head model", "hash to its name", "backup"}},
		"head missing":      {"snapshot", nil, []string{"head model"}},
		"optimiser cut":     {"optimizer", func(b []byte) []byte { return b[:len(b)-1] }, []string{"optimiser state", "backup"}},
		"optimiser missing": {"optimizer", nil, []string{"optimiser state", "missing", "backup"}},
	} {
		t.Run(name, func(t *testing.T) {
			ran(t, func(w *world) {
				file := fmt.Sprintf("%x.%s", w.disk.rows.head.Model, c.ext)
				whole := w.disk.models[file]
				if c.damage == nil {
					delete(w.disk.models, file)
				} else {
					w.disk.models[file] = c.damage(slices.Clone(whole))
				}
				w.refused(c.words...)
				w.disk.models[file] = whole
				w.mustStart()
			})
		})
	}
}

func TestDamagedJournalIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(j []coordinator.JournalRow) []coordinator.JournalRow
		words  []string
	}{
		"an event that does not parse": {func(j []coordinator.JournalRow) []coordinator.JournalRow {
			j[1].Event = j[1].Event[:5]
			return j
		}, []string{"resume round 1, event 1", "parse journal event"}},
		"another event": {func(j []coordinator.JournalRow) []coordinator.JournalRow {
			j[len(j)-1].Digest[0] ^= 1
			return j
		}, []string{"resume round 1", "decides differently", "keep the folder"}},
		"an event that is missing": {func(j []coordinator.JournalRow) []coordinator.JournalRow { return append(j[:1], j[2:]...) },
			[]string{"resume round 1, event 2", "goes on with event 1"}},
		"a journal that is cut": {func(j []coordinator.JournalRow) []coordinator.JournalRow { return j[:2] }, []string{"resume round 1", "journal ends before", "backup"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, terms{}, func(w *world) {
				w.killAt("unmask")
				w.mustStart()
				w.join(w.devices...)
				w.died()
				whole := w.disk.rows.journal[1]
				w.disk.rows.journal[1] = c.damage(slices.Clone(whole))
				w.refused(c.words...)
				w.disk.rows.journal[1] = whole
				w.mustStart()
				if e := w.over(1); e.Outcome != "done" {
					t.Errorf("with the whole journal: %+v", e)
				}
			})
		})
	}
}

func TestRoundThatIsNotInTheLogIsRefused(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		w.killAt("keys")
		w.mustStart()
		w.join(w.devices...)
		w.died()
		whole := *w.disk.rows.open
		w.disk.rows.open.Index = 99
		w.refused("resume round 1", "not in the log")
		w.disk.rows.open.Index = 0
		w.refused("resume round 1", "not its RoundOpen")
		w.disk.rows.open = &whole
		w.mustStart()
	})
}

// TestOldStoreIsRefused puts a backup, and then nothing, in the place of a store whose log is already public.
func TestOldStoreIsRefused(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		w.mustStart()
		w.join(w.devices[0]) // no round opens for nobody
		w.await("phase", 0)
		w.crash()
		backup := w.disk.rows
		w.mustStart()
		w.join(w.devices[1:]...)
		w.await("done", 0)
		w.halt()
		newest := w.disk.rows
		w.disk.rows = backup
		w.refused("the public log has", "old copy", "newest store")
		w.disk.rows = newRows()
		w.refused("the public log has", "and the store 0")
		w.disk.rows = newest
		w.mustStart()
	})
}

func TestStoreBesideItsPublicLogIsRefused(t *testing.T) {
	var other map[string][]byte
	ran(t, func(w *world) { other = maps.Clone(w.disk.log) })
	ran(t, func(w *world) {
		own := w.disk.log
		w.disk.log = other
		w.refused("are not the store's")
		w.disk.log = maps.Clone(own)
		w.disk.log["checkpoint"] = []byte("nonsense\n")
		w.refused("checkpoint is damaged")
		w.disk.log = map[string][]byte{} // without any, it is written anew
		w.mustStart()
		w.halt()
		if !maps.EqualFunc(own, w.disk.log, slices.Equal) {
			t.Error("the log's files that were lost are not written as they were")
		}
	})
}

func TestLogThatWasAlteredIsRefused(t *testing.T) {
	ran(t, func(w *world) {
		e := w.disk.rows.entries
		w.disk.rows.entries = slices.Clone(e)
		w.disk.rows.entries[4] = slices.Clone(e[4])
		w.disk.rows.entries[4][10] ^= 1
		w.refused("log entry 4")
		w.disk.rows.entries = e[3:]
		w.refused("log entry 0", "no policy is in force", "restore")
		w.disk.rows.entries = e
		w.mustStart()
	})
}
