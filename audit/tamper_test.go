package audit

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// smallLog is a folder with an outgrown tile left behind, which a reader must hold against the log like everything else.
func smallLog() fstest.MapFS {
	entries := honestEntries()
	fsys := folderOf(entries, atOpen2)
	fsys["tile/0/000.p/5"] = folderOf(entries, 5)["tile/0/000.p/5"]
	return fsys
}

func clone(fsys fstest.MapFS) fstest.MapFS {
	out := fstest.MapFS{}
	for name, f := range fsys {
		out[name] = &fstest.MapFile{Data: bytes.Clone(f.Data)}
	}
	return out
}

// TestOneChangedByteIsDetected changes every byte of every file, one at a time, and never gets an ok report. In the bundle, where each
// try costs signatures, it takes about every fifth. Every second try reads as if the coordinator were running.
func TestOneChangedByteIsDetected(t *testing.T) {
	fsys := smallLog()
	if ids, all := failed(t, fsys, Options{}); len(ids) > 0 {
		t.Fatalf("%v failed:\n%s", ids, all)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, name := range slices.Sorted(maps.Keys(fsys)) {
		data := fsys[name].Data
		step := func() int { return 1 }
		if strings.HasPrefix(name, "tile/entries/") {
			step = func() int { return 1 + rng.IntN(9) }
		}
		for i := 0; i < len(data); i += step() {
			flip := byte(1 + rng.IntN(255))
			data[i] ^= flip
			if r, err := Verify(fsys, testRules(), Options{Live: i%2 == 1, Now: testStart}); err != nil || r.OK || r.Checks[0].Status != StatusFail {
				t.Fatalf("byte %d of %s changed by %#x: ok %v, %v", i, name, flip, r.OK, err)
			}
			data[i] ^= flip
		}
	}
}

func TestChangedFilesAreDetected(t *testing.T) {
	good := smallLog()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(good)) {
		if name != "tile/0/000.p/5" { // the leftover may go
			names = append(names, name)
		}
	}
	change := map[string]func(fsys fstest.MapFS, name string){
		"removed":       func(fsys fstest.MapFS, name string) { delete(fsys, name) },
		"emptied":       func(fsys fstest.MapFS, name string) { fsys[name].Data = nil },
		"cut by a byte": func(fsys fstest.MapFS, name string) { fsys[name].Data = fsys[name].Data[:len(fsys[name].Data)-1] },
		"cut in half":   func(fsys fstest.MapFS, name string) { fsys[name].Data = fsys[name].Data[:len(fsys[name].Data)/2] },
		"a byte longer": func(fsys fstest.MapFS, name string) { fsys[name].Data = append(fsys[name].Data, 0) },
		"twice as long": func(fsys fstest.MapFS, name string) { fsys[name].Data = append(fsys[name].Data, fsys[name].Data...) },
		"very long":     func(fsys fstest.MapFS, name string) { fsys[name].Data = make([]byte, maxBundle+1) },
		"a link":        func(fsys fstest.MapFS, name string) { fsys[name].Mode = fs.ModeSymlink },
		"a folder": func(fsys fstest.MapFS, name string) {
			delete(fsys, name)
			fsys[name+"/x"] = &fstest.MapFile{}
		},
		"moved": func(fsys fstest.MapFS, name string) {
			fsys[name+"x"] = fsys[name]
			delete(fsys, name)
		},
	}
	for what, f := range change {
		for _, name := range names {
			fsys := clone(good)
			f(fsys, name)
			if ids, all := failed(t, fsys, Options{}); !slices.Contains(ids, "A1") {
				t.Errorf("%s %s: %v failed:\n%s", name, what, ids, all)
			}
		}
	}
}

func TestAddedFilesAreDetected(t *testing.T) {
	entries := honestEntries()
	for name, data := range map[string][]byte{
		"notes": {}, "tile/0/000": {}, "tile/0/001.p/1": make([]byte, 32), "tile/1/000.p/1": make([]byte, 32), "tile/entries/000.p/10": {},
		"tile/entries/000.p/6": {}, "tile/0/000.p/6": make([]byte, 32), "Keys": smallLog()["keys"].Data, ".hidden": {}, "tile/.hidden": {},
		"sub/checkpoint": {}, "tile/0/000.p/09": {},
	} {
		fsys := smallLog()
		fsys[name] = &fstest.MapFile{Data: data}
		if ids, all := failed(t, fsys, Options{}); !slices.Contains(ids, "A1") {
			t.Errorf("%s was added: %v failed:\n%s", name, ids, all)
		}
	}
	fsys := smallLog()
	for i := range 2000 {
		fsys[fmt.Sprintf("tile/0/000.p/%d", 1+i%255)] = &fstest.MapFile{}
		fsys[fmt.Sprintf("tile/entries/x%03d/000", i%1000)] = &fstest.MapFile{}
	}
	if ids, _ := failed(t, fsys, Options{Live: true}); !slices.Contains(ids, "A1") {
		t.Error("a flood of files was accepted")
	}
	inner := fstest.MapFS{}
	for name, f := range folderOf(entries, len(entries)) {
		inner["log/"+name] = f
	}
	inner["coordinator/identity.key"] = &fstest.MapFile{Data: []byte("not the auditor's business")}
	if ids, all := failed(t, inner, Options{}); len(ids) > 0 {
		t.Errorf("beside log/, other files matter: %v failed:\n%s", ids, all)
	}
}

// longLog has three bundles: rounds that nobody joined.
func longLog() [][]byte {
	records := honestRecords()[:atOpen1]
	for i := range uint64(300) {
		records = append(records, opened(i+1, testStart+i, 0xa0), &Abort{Phase: 2, Reason: 1})
	}
	return (&scribe{}).write(records)
}

// TestReorderedEntriesAreDetected moves whole entries, each of which still carries a good signature.
func TestReorderedEntriesAreDetected(t *testing.T) {
	entries := longLog()
	good := folderOf(entries, len(entries))
	if ids, all := failed(t, good, Options{}); len(ids) > 0 {
		t.Fatalf("%v failed:\n%s", ids, all)
	}
	const first, second, last = "tile/entries/000", "tile/entries/001", "tile/entries/002.p/91"
	bundle := func(e [][]byte) *fstest.MapFile {
		b, err := appendBundle(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		return &fstest.MapFile{Data: b}
	}
	swapped := slices.Clone(entries[512:])
	swapped[3], swapped[4] = swapped[4], swapped[3]
	for name, change := range map[string]fstest.MapFS{
		"bundles swapped":    {first: good[second], second: good[first]},
		"a bundle twice":     {second: good[first]},
		"entries swapped":    {last: bundle(swapped)},
		"an entry twice":     {last: bundle(append(slices.Clone(entries[512:602]), entries[601]))},
		"an entry left out":  {last: bundle(entries[512:602])},
		"a hash tile before": {"tile/0/000": good["tile/0/001"]},
		"hash tiles swapped": {"tile/0/000": good["tile/0/001"], "tile/0/001": good["tile/0/000"]},
	} {
		fsys := clone(good)
		maps.Copy(fsys, change)
		if ids, all := failed(t, fsys, Options{}); !slices.Contains(ids, "A1") {
			t.Errorf("%s: %v failed:\n%s", name, ids, all)
		}
	}
}

// TestAnotherSignerIsDetected mixes files of logs that are right by themselves.
func TestAnotherSignerIsDetected(t *testing.T) {
	good := honestFolder()
	stranger := testKey(6)
	keys := func(k Keys) *fstest.MapFile {
		b, err := k.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return &fstest.MapFile{Data: b}
	}
	k := Keys{Origin: testOrigin, LogKey: public(testKey(9)), Authority: public(testKey(1)), Coordinator: testCert(testKey(7))}
	other, otherLog, otherAuthority := k, k, k
	other.Coordinator = testCert(stranger)
	otherLog.LogKey = public(stranger)
	otherAuthority.Authority = public(stranger)
	for name, file := range map[string]*fstest.MapFile{"another coordinator": keys(other), "another log key": keys(otherLog), "another authority": keys(otherAuthority)} {
		fsys := clone(good)
		fsys["keys"] = file
		if ids, all := failed(t, fsys, Options{}); strings.Join(ids, " ") != "A1" {
			t.Errorf("%s: %v failed:\n%s", name, ids, all)
		}
	}
	fsys := clone(good)
	fsys["checkpoint"] = folderOf(honestEntries(), 9)["checkpoint"]
	if ids, _ := failed(t, fsys, Options{}); strings.Join(ids, " ") != "A1" {
		t.Error("an old checkpoint beside newer tiles was accepted though the coordinator is not running")
	}
}

// growing is a folder that a coordinator writes while it is read: after the given number of opened files comes the next state.
type growing struct {
	states []fstest.MapFS
	after  []int
	opens  *int
}

func (g growing) Open(name string) (fs.File, error) {
	*g.opens++
	at := 0
	for at < len(g.after) && *g.opens > g.after[at] {
		at++
	}
	return g.states[at].Open(name)
}

// TestLiveLogMayGrowWhileItIsRead replays the coordinator's order of writes: tiles, checkpoint, outgrown tiles away. Whenever each step
// happens, the reader sees a log that verifies.
func TestLiveLogMayGrowWhileItIsRead(t *testing.T) {
	entries := honestEntries()
	var states []fstest.MapFS
	now := folderOf(entries, 7)
	states = append(states, now)
	for size := 8; size <= 10; size++ {
		next := folderOf(entries, size)
		half := clone(now)
		half["tile/0/.writing-1"] = &fstest.MapFile{Data: []byte("half a t")}
		tiles := clone(now)
		for name, f := range next {
			if name != "checkpoint" {
				tiles[name] = f
			}
		}
		signed := clone(tiles)
		signed["checkpoint"] = next["checkpoint"]
		states = append(states, half, tiles, signed, next)
		now = next
	}
	live := Options{Live: true, Now: testStart}
	for i := range states[1:] {
		for opens := range 24 { // more than one reading takes
			g := growing{states: states[i : i+2], after: []int{opens}, opens: new(int)}
			if ids, all := failed(t, g, live); len(ids) > 0 {
				t.Fatalf("step %d after %d opened files: %v failed:\n%s", i, opens, ids, all)
			}
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 40 {
		g := growing{states: states, opens: new(int)}
		at := 0
		for range states[1:] {
			at += rng.IntN(8)
			g.after = append(g.after, at)
		}
		if ids, all := failed(t, g, live); len(ids) > 0 {
			t.Fatalf("steps after %v opened files: %v failed:\n%s", g.after, ids, all)
		}
	}
}
