package operate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// TestNoFigureWithoutALog: what cannot be read gives a reason, never a number.
func TestNoFigureWithoutALog(t *testing.T) {
	f := &figures{log: fstest.MapFS{}, now: time.Now}
	if _, err := f.Figure(); err == nil || !strings.Contains(err.Error(), "not read yet") {
		t.Errorf("before anything was read: %v", err)
	}
	f.read()
	if got, err := f.Figure(); err == nil {
		t.Errorf("an empty folder gave %+v", got)
	}
}

// TestTheFigureIsTheLogs: a round's RoundOpen, of a real coordinator that a device visited, is in a log that verifies; one changed byte
// takes the figure back.
func TestTheFigureIsTheLogs(t *testing.T) {
	dir := made(t, config())
	runs(t, dir, "phase")
	f := &figures{log: os.DirFS(filepath.Join(dir, "..", "log")), now: time.Now}
	f.read()
	got, err := f.Figure()
	if err != nil || got.Entries == 0 || got.Rounds != 1 || got.Delta != 1e-6 || got.Epsilon != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	path := filepath.Join(dir, "..", "log", "checkpoint")
	note, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	note[len(note)-10] ^= 1
	if err := os.WriteFile(path, note, 0o600); err != nil {
		t.Fatal(err)
	}
	f.read()
	if got, err := f.Figure(); err == nil && got.Warning == "" {
		t.Errorf("a damaged checkpoint gave a figure to rely on: %+v", got)
	}
}
