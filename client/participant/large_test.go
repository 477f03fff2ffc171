package participant

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// folder keeps vectors on a disk, and looks at the process's memory each time it is used.
type folder struct {
	dir  string
	peak uint64 // bytes in use on heap and stacks
	live bool   // without what waits to be collected
	skip bool
}

func (f *folder) look() {
	if f.skip {
		return
	}
	if f.live {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f.peak = max(f.peak, m.HeapInuse+m.StackInuse)
}

func (f *folder) Write(name string, at int64, p []byte) error {
	f.look()
	file, err := os.OpenFile(filepath.Join(f.dir, name), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteAt(p, at)
	return err
}

func (f *folder) Read(name string, at int64, p []byte) error {
	f.look()
	file, err := os.Open(filepath.Join(f.dir, name))
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.ReadAt(p, at)
	return err
}

func (f *folder) Keep(names ...string) error {
	for _, n := range f.Names() {
		if !slices.Contains(names, n) {
			if err := os.Remove(filepath.Join(f.dir, n)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *folder) Names() []string {
	files, _ := os.ReadDir(f.dir)
	var out []string
	for _, e := range files {
		out = append(out, e.Name())
	}
	return out
}

// wave is an update that nobody holds in memory.
type wave int

func (w wave) Len() int { return int(w) }

func (w wave) ReadFloats(block []float32, from int) error {
	for i := range block {
		block[i] = float32((from+i)%7-3) / 1000
	}
	return nil
}

func (w wave) Erase() {}

// longHonest has vectors of d words.
func longHonest(t testing.TB, d int) *honest {
	h := newHonest(t, 8)
	h.d, h.cInt = d, uint32(8*math.Ceil(math.Sqrt(float64(d))))+1
	return h
}

// TestTenMillionWordsFitASmallDevice wants a whole round of a vector of 40 MB in less than 64 MB, everything of the test's own
// included.
func TestTenMillionWordsFitASmallDevice(t *testing.T) {
	if testing.Short() {
		t.Skip("ten million words take seconds")
	}
	const words = 10_000_000
	h := longHonest(t, words)
	h.hooks.open = func(o *audit.RoundOpen) { o.Deadlines = [5]uint32{10, 60, 110, 160, 210} } // drawing may take 20 s, and has as long again
	d := newDevice(t, h)
	disk := &folder{dir: t.TempDir()}
	d.scratch, d.cfg.Scratch, d.forget, d.update = disk, disk, true, func() Vector { return wave(words) }
	d.boot()
	runtime.GC()
	if d.play(h, "close"); d.refused != nil || d.closed == nil || !d.closed.Counted {
		t.Fatalf("closed %+v, refused %v", d.closed, d.refused)
	}
	if n := len(allOf[*protocol.Chunk](d)); n != (4*words+protocol.ChunkSize-1)/protocol.ChunkSize {
		t.Errorf("%d chunks", n)
	}
	if disk.peak == 0 || disk.peak > 64<<20 {
		t.Errorf("%d MiB were in use at once, at most 64 are allowed", disk.peak>>20)
	}
	t.Logf("%.1f MiB in use at most", float64(disk.peak)/(1<<20))
}

// BenchmarkContribution is everything that a device computes on its vector of a million words among 8 members, with its
// vectors in memory and on disk. x-vector is the most memory it needs at once, as a multiple of the vector, in a run of its own.
func BenchmarkContribution(b *testing.B) {
	for _, where := range []string{"memory", "disk"} {
		b.Run(where, func(b *testing.B) {
			peak := contribution(b, where == "disk", true)
			b.ResetTimer()
			for b.Loop() {
				contribution(b, where == "disk", false)
			}
			b.SetBytes(benchBytes)
			b.ReportMetric(float64(peak)/benchBytes, "x-vector")
		})
	}
}

const (
	benchWords = 1 << 20
	benchBytes = 4 * benchWords
)

// contribution plays one round, and gives what it added to the memory in use if that is measured.
func contribution(b *testing.B, disk, measure bool) uint64 {
	b.StopTimer()
	h := longHonest(b, benchWords)
	d := newDevice(b, h)
	files := &folder{dir: b.TempDir(), live: true, skip: !measure}
	d.scratch, d.forget, d.update = files, true, func() Vector { return wave(benchWords) }
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	if !disk {
		u := make(Floats, benchWords)
		if err := wave(0).ReadFloats(u, 0); err != nil {
			b.Fatal(err)
		}
		d.scratch, d.update = &watched{folder: files, Memory: NewMemory()}, func() Vector { v := u; u = nil; return v }
	}
	d.cfg.Scratch = d.scratch
	d.boot()
	b.StartTimer()
	for _, s := range stages {
		d.step(h, d.event(h, s))
	}
	if d.closed == nil || !d.closed.Counted {
		b.Fatalf("closed %+v, refused %v", d.closed, d.refused)
	}
	if !measure {
		return 0
	}
	return files.peak - before.HeapInuse - before.StackInuse
}

// watched looks at memory as folder does, and keeps vectors there.
type watched struct {
	*folder
	*Memory
}

func (w *watched) Write(name string, at int64, p []byte) error {
	w.look()
	return w.Memory.Write(name, at, p)
}

func (w *watched) Read(name string, at int64, p []byte) error {
	w.look()
	return w.Memory.Read(name, at, p)
}

func (w *watched) Keep(names ...string) error { return w.Memory.Keep(names...) }
func (w *watched) Names() []string            { return w.Memory.Names() }
