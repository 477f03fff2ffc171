package coordinator_test

import (
	"maps"
	"slices"
	"testing"
)

// lostCheckpoint takes the log's checkpoint away, as the error about a damaged one advises, and gives what is left.
func (w *world) lostCheckpoint() map[string][]byte {
	delete(w.disk.log, "checkpoint")
	return maps.Clone(w.disk.log)
}

// refusedTiles wants a start to be refused for the tiles, and the log to stay as it is.
func (w *world) refusedTiles(words ...string) {
	w.Helper()
	before := maps.Clone(w.disk.log)
	w.refused(words...)
	if !maps.EqualFunc(before, w.disk.log, slices.Equal) {
		w.Error("the refused start wrote to the public log")
	}
}

// TestLogWithoutCheckpointStillRefusesOtherStores puts an old store, a new one and a fork beside the tiles of a log.
func TestLogWithoutCheckpointStillRefusesOtherStores(t *testing.T) {
	var fork *rows
	var forked map[string][]byte
	ran(t, func(w *world) { fork, forked = w.disk.rows, maps.Clone(w.disk.models) })
	bubble(t, terms{}, func(w *world) {
		w.mustStart()
		w.halt()
		first, untrained := w.disk.rows, maps.Clone(w.disk.models)
		w.mustStart()
		w.join(w.devices...)
		w.await("done", 0)
		w.halt()
		newest, trained, whole := w.disk.rows, maps.Clone(w.disk.models), maps.Clone(w.disk.log)
		w.lostCheckpoint()

		w.disk.rows = first
		w.refusedTiles("entries reach further than the store's 3", "old copy")
		clear(w.disk.models)
		maps.Copy(w.disk.models, untrained)
		w.disk.rows = newRows()
		w.refusedTiles("entries reach further than the store's 0", "old copy")
		clear(w.disk.models)
		maps.Copy(w.disk.models, forked)
		w.disk.rows = fork
		w.refusedTiles("are not the store's", "tile/entries/000.p/")

		clear(w.disk.models)
		maps.Copy(w.disk.models, trained)
		w.disk.rows = newest
		w.mustStart()
		w.halt()
		if !maps.EqualFunc(whole, w.disk.log, slices.Equal) {
			t.Error("the checkpoint that was lost is not written as it was")
		}
	})
}

// TestLogWithoutCheckpointMayHoldOutgrownTiles is a log whose tidying was cut short.
func TestLogWithoutCheckpointMayHoldOutgrownTiles(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		w.mustStart()
		w.halt()
		outgrown := w.lostCheckpoint()
		w.mustStart()
		w.join(w.devices...)
		w.await("done", 0)
		w.halt()
		maps.Copy(w.disk.log, outgrown)
		w.disk.log["tile/entries/000.p/note"] = []byte("nobody's")
		w.lostCheckpoint()
		w.mustStart()
		w.halt()
		name := "tile/entries/000.p/3"
		if _, ok := w.disk.log[name]; !ok {
			t.Fatalf("the log holds no %s: this test shows nothing", name)
		}
		w.lostCheckpoint()
		w.disk.log[name] = w.disk.log[name][1:]
		w.refusedTiles("are not the store's", name)
	})
}

// TestLongLogWithoutCheckpointIsCheckedWhole has a full tile and a partial one.
func TestLongLogWithoutCheckpointIsCheckedWhole(t *testing.T) {
	bubble(t, terms{rounds: 130}, func(w *world) {
		w.mustStart()
		w.join(w.devices[0]) // too few: every round is aborted
		w.await("done", 0)
		w.halt()
		newest := w.disk.rows
		if n := len(newest.entries); n <= 257 || n >= 512 {
			t.Fatalf("the log has %d entries, want one full tile and a partial one", n)
		}
		log := w.lostCheckpoint()
		w.mustStart()
		w.halt()
		w.disk.rows = newRows()
		w.lostCheckpoint()
		w.refusedTiles("tile/entries/000 ", "the store's 0")
		short := newest.clone()
		short.entries = short.entries[:256]
		w.disk.rows = short
		w.refusedTiles("tile/entries/001.p/", "the store's 256")
		delete(w.disk.log, "tile/entries/000")
		w.refusedTiles("tile/entries/001.p/", "the store's 256")
		w.disk.rows = newest
		for name := range log {
			if name == "tile/entries/000" {
				w.disk.log[name] = append(slices.Clone(log[name]), 0)
				w.refusedTiles("tile/entries/000 ", "are not the store's")
				w.disk.log[name] = log[name]
			}
		}
		w.mustStart()
	})
}
