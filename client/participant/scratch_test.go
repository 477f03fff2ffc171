package participant

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// flaky is a scratch whose disk fails, or does not keep what was written.
type flaky struct {
	*Memory
	full   string // writes to this file fail
	damage func(name string, at int64, p []byte)
}

func (f *flaky) Write(name string, at int64, p []byte) error {
	if name == f.full {
		return errors.New("no space left")
	}
	return f.Memory.Write(name, at, p)
}

func (f *flaky) Read(name string, at int64, p []byte) error {
	if err := f.Memory.Read(name, at, p); err != nil {
		return err
	}
	if f.damage != nil {
		f.damage(name, at, p)
	}
	return nil
}

// longRound is one whose vectors take three blocks and more than one chunk.
func longRound(t testing.TB) (*honest, *device) {
	h := newHonest(t, 8)
	h.d = 2*blockWords + 1000
	h.cInt = uint32(8*math.Ceil(math.Sqrt(float64(h.d)))) + 1
	d := newDevice(t, h)
	return h, d
}

// TestLongVectorLeavesInChunksThatItsHeaderNames puts the upload together, from the middle too.
func TestLongVectorLeavesInChunksThatItsHeaderNames(t *testing.T) {
	h, d := longRound(t)
	d.play(h, "state")
	in := lastOf[*protocol.Input](d)
	var y []byte
	for i, c := range allOf[*protocol.Chunk](d) {
		if c.Offset != uint64(len(y)) || sha256.Sum256(c.Data) != in.Chunks[i] {
			t.Fatalf("chunk %d at %d is not the one announced", i, c.Offset)
		}
		y = append(y, c.Data...)
	}
	if len(y) != 4*h.d || in.Length != uint64(len(y)) || sha256.Sum256(y) != in.YHash || len(in.Chunks) != 3 {
		t.Errorf("%d bytes in %d chunks", len(y), len(in.Chunks))
	}
	words := make([]uint32, h.d)
	if err := aggregation.DecodeWords(words, y, 32); err != nil {
		t.Fatal(err)
	}
	mask := make([]uint32, h.d)
	st := &d.machine.st
	if err := d.ownSecrets().Mask(mask, st.aggregation(), st.Index, st.maskedWith()); err != nil {
		t.Fatal(err)
	}
	aggregation.Sub(words, mask)
	if !slices.Equal(words, d.noised) {
		t.Error("what was sent is not the noised vector with its mask")
	}
	d.step(h, Event{Connected: true})
	before := len(allOf[*protocol.Chunk](d))
	d.step(h, Event{Msg: &protocol.InputState{SID: h.sid, Offset: protocol.ChunkSize}})
	if again := allOf[*protocol.Chunk](d)[before:]; len(again) != 2 || again[0].Offset != protocol.ChunkSize {
		t.Errorf("%d chunks from the second on", len(again))
	}
}

func (d *device) ownSecrets() *aggregation.Secrets {
	s, err := d.machine.st.secrets()
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

// TestEveryChunkHasItsHash writes files in pieces that end where chunks do not.
func TestEveryChunkHasItsHash(t *testing.T) {
	const size = protocol.ChunkSize
	for name, pieces := range map[string][]int{"nothing": nil, "a byte": {1}, "a chunk": {size}, "two and a byte": {size, size + 1},
		"all at once": {3*size + 5}, "three quarters each": {size * 3 / 4, size * 3 / 4, size * 3 / 4, size * 3 / 4, 7}, "around the edge": {size - 1, 2, size - 1, 3}} {
		disk := NewMemory()
		w := newChunkedWriter(newFileWriter(disk, "f"))
		var all []byte
		for i, n := range pieces {
			p := bytes.Repeat([]byte{byte(i + 1)}, n)
			if m, err := w.Write(p); m != n || err != nil {
				t.Fatalf("%s: %d, %v", name, m, err)
			}
			all = append(all, p...)
		}
		var want [][32]byte
		for p := range slices.Chunk(all, size) {
			want = append(want, sha256.Sum256(p))
		}
		got := w.done()
		if !slices.Equal(got.chunks, want) || got.Hash != sha256.Sum256(all) || got.Size != int64(len(all)) {
			t.Errorf("%s: %d bytes in %d chunks, or other hashes", name, got.Size, len(got.chunks))
		}
		back := make([]byte, len(all))
		if err := disk.Read("f", 0, back); err != nil || !bytes.Equal(back, all) {
			t.Errorf("%s: what was written is not there (%v)", name, err)
		}
	}
	w := newChunkedWriter(newFileWriter(&flaky{Memory: NewMemory(), full: "f"}, "f"))
	if n, err := w.Write([]byte{1, 2}); n != 0 || err == nil {
		t.Errorf("on a full disk %d bytes were written", n)
	}
}

// TestBlocksGiveTheBitsOfWholeVectors compares with the functions for vectors in memory, under the same coins and noise.
func TestBlocksGiveTheBitsOfWholeVectors(t *testing.T) {
	h, d := longRound(t)
	h.offer()
	g := grid(&h.open)
	for _, long := range []bool{false, true} { // within the clip, and beyond it
		u := testUpdate(h.d)
		if !long {
			for i := range u {
				u[i] *= 1e-4
			}
		}
		x, err := quantised(d.scratch, &h.open, Floats(slices.Clone(u)), testStream("coins"))
		if err != nil {
			t.Fatal(err)
		}
		z, err := noised(d.scratch, &h.open, privacy.HonestFloor(8, int(h.open.GammaBP), int(h.open.DeltaBP)), x, testStream("noise"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Noised{fileNoised, h.d}.Read(d.scratch)
		if err != nil {
			t.Fatal(err)
		}
		coins, _ := privacy.NewSessionStream(testStream("coins"))
		if _, err := privacy.Clip(u, g.C); err != nil {
			t.Fatal(err)
		}
		want, err := g.Quantise(u, coins)
		if err != nil {
			t.Fatal(err)
		}
		noise, _ := privacy.NewSessionStream(testStream("noise"))
		loc := privacy.LocalVariance(h.open.SigmaTotSq, privacy.HonestFloor(8, int(h.open.GammaBP), int(h.open.DeltaBP)))
		whole, err := privacy.Perturb(want, loc, noise)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, whole) || z.Hash != sha256.Sum256(aggregation.AppendWords(nil, whole, 32)) {
			t.Errorf("long %v: other bits", long)
		}
	}
}

// TestVectorThatChangedOnDiskIsNotSent flips one bit of each file, wherever it lies, and wants the device to fall silent.
func TestVectorThatChangedOnDiskIsNotSent(t *testing.T) {
	for file, at := range map[string]string{fileQuantised: "roster", fileNoised: "delivery", fileMasked: "state"} {
		for name, where := range map[string]int64{"first": 0, "in the middle": 4 * blockWords, "last": 4*(2*blockWords+1000) - 1} {
			t.Run(file+"/"+name, func(t *testing.T) {
				h, d := longRound(t)
				d.cfg.Scratch = &flaky{Memory: d.scratch.(*Memory), damage: func(f string, from int64, p []byte) {
					if i := where - from; f == file && i >= 0 && i < int64(len(p)) {
						p[i] ^= 1
					}
				}}
				d.boot()
				stopped := d.play(h, "close")
				if d.refused == nil || d.refused.Why != None || !strings.Contains(d.refused.Detail, "changed on this device's disk") || stopped != at {
					t.Fatalf("at %s: %v", stopped, d.refused)
				}
				if charged := len(d.entries) > 0; charged != (file == fileMasked) {
					t.Errorf("charged: %v", charged)
				}
				for _, c := range allOf[*protocol.Chunk](d) {
					if int64(c.Offset) <= where && where < int64(c.Offset)+int64(len(c.Data)) {
						t.Errorf("the chunk with the changed byte was sent")
					}
				}
				silent(t, h, d)
			})
		}
	}
}

func TestFullDiskSitsTheRoundOut(t *testing.T) {
	for file, at := range map[string]string{fileQuantised: "trained", fileNoised: "roster", fileMasked: "delivery"} {
		h := newHonest(t, 8)
		d := newDevice(t, h)
		disk := &flaky{Memory: d.scratch.(*Memory), full: file}
		d.cfg.Scratch = disk
		d.boot()
		if stopped := d.play(h, "close"); d.refused == nil || d.refused.Why != None || !strings.Contains(d.refused.Detail, "no space left") || stopped != at || len(d.entries) != 0 {
			t.Errorf("%s: at %s: %v, %d charges", file, stopped, d.refused, len(d.entries))
		}
		disk.full, d.refused = "", nil
		if d.play(h, "close"); d.closed == nil || !d.closed.Counted {
			t.Errorf("%s: the next round: %v", file, d.refused)
		}
	}
}

// TestOneVectorIsOnTheDiskAtATime wants the one before to be dropped with the save that names its successor.
func TestOneVectorIsOnTheDiskAtATime(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	want := map[string][]string{"trained": {fileQuantised}, "roster": {fileNoised}, "delivery": {fileMasked}, "close": nil}
	var now []string
	for _, s := range stages {
		out := d.step(h, d.event(h, s))
		next, changes := want[s]
		if changes {
			now = next
		}
		if !slices.Equal(d.scratch.Names(), now) || out.Drop != changes {
			t.Errorf("after %s: files %v, want %v; drop %v", s, d.scratch.Names(), now, out.Drop)
		}
	}
}

// TestMemoryIsFiles writes two files by turns, drops them and sets them back, against plain bytes.
func TestMemoryIsFiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, want := NewMemory(), map[string][]byte{}
		name := rapid.SampledFrom([]string{"f", "g"})
		for range rapid.IntRange(0, 12).Draw(t, "steps") {
			f := name.Draw(t, "name")
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0: // anew
				delete(want, f)
			case 1:
				if err := m.Keep(f); err != nil {
					t.Fatal(err)
				}
				want = map[string][]byte{f: want[f]}
			case 2:
				old := m
				m = m.Clone()
				_ = old.Keep()
			}
			p := rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "p")
			if err := m.Write(f, int64(len(want[f])), p); err != nil {
				t.Fatal(err)
			}
			want[f] = append(want[f], p...)
			for _, free := range m.free {
				if all := free[:cap(free)]; !bytes.Equal(all, make([]byte, len(all))) {
					t.Fatal("what was dropped is still there")
				}
			}
		}
		f := name.Draw(t, "name")
		if err := m.Write(f, int64(len(want[f]))+1, []byte{1}); err == nil {
			t.Fatal("a hole was written")
		}
		from := rapid.IntRange(0, len(want[f])).Draw(t, "from")
		got := make([]byte, rapid.IntRange(0, len(want[f])-from).Draw(t, "n"))
		if err := m.Read(f, int64(from), got); err != nil || !bytes.Equal(got, want[f][from:from+len(got)]) {
			t.Fatalf("%x, %v", got, err)
		}
		if m.Read(f, int64(from), make([]byte, len(want[f])-from+1)) == nil {
			t.Fatal("it was read beyond its end")
		}
	})
}
