package cinesync_test

import (
	"fmt"
	"go/token"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// integerPath begins with what rounds on the device (step 3 of the privacy specification's section 3) and ends with the sum that is
// published by its hash: the places where an update passes from one goroutine, process or file to another. Whatever they call in the
// module is on the path too, by name, behind an interface or in a variable.
var integerPath = []string{
	"client/participant.quantised",             // rounds, and writes integers
	"aggregation.(*quantiser).pass",            // with the exact check of Σx²
	"client/participant.noised",                // noise on the device
	"client/participant.masked",                // its mask
	"client/participant.(*Machine).more",       // what leaves
	"client/door.(*Door).send",                 // over a connection
	"coordinator.(*Coordinator).read",          // which the coordinator reads
	"coordinator.(*Coordinator).chunk",         // a piece of a vector
	"coordinator/store/sqlite.(*Store).Commit", // made durable
	"coordinator.(*folder).fold",               // the sum
	"coordinator.exactSum",                     // without masks, as signed integers, with its hash
}

// handOn are functions that pass a vector on, from one of these to the next, and do much else besides. No float may be in them, and what
// they call is not followed: it is on the path above where the vector goes there.
var handOn = []string{
	"client/participant.(*Machine).rostered", "client/participant.(*Machine).delivered",
	"client/participant.(*Machine).receive", "client/participant.(*Machine).Step",
	"client/door.(*Door).turn", "client/door.(*Door).obey", "client/door.(*Door).release", "client/door.(*Door).say",
	"coordinator.(*Coordinator).turn", "coordinator.(*Coordinator).handle", "coordinator.(*Coordinator).commit",
	"coordinator.(*folder).run",
}

// mayFloat are the functions reached from there that compute with floats: clipping, rounding, and reading what is yet to be rounded. No
// other function on the path calls them but those named, so that nothing after rounding comes back to them.
var mayFloat = []struct {
	why  string
	list []string
	from []string
}{
	{"read the trained update, before it is rounded",
		[]string{"client/participant.measured", "client/participant.clipped", "client/participant.(Floats).ReadFloats"},
		[]string{"client/participant.quantised"}},
	{"clip to C: step 2, before rounding; Within gives one bit",
		[]string{"privacy.NewClipper", "privacy.(*Clipper).Measure", "privacy.(*Clipper).Within", "privacy.(*Clipper).Scale",
			"privacy.checkBound", "internal/lanes.AddSquares", "internal/lanes.(level).addSquares", "internal/lanes.addSquaresGo", "internal/lanes.addSquaresAVX2",
			"internal/lanes.addSquaresAVX512", "internal/lanes.(*Lanes).Total", "internal/lanes.Scale", "internal/lanes.(level).scale", "internal/lanes.scaleGo",
			"internal/lanes.scaleAVX2", "internal/lanes.scaleAVX512"},
		[]string{"client/participant.quantised"}},
	{"take C from the bits in RoundOpen",
		[]string{"client/participant.grid"},
		[]string{"client/participant.quantised"}},
	{"make the scale s = R/C and the block of floats, and zero that block",
		[]string{"aggregation.newQuantiser", "aggregation.newRounder", "aggregation.(Grid).R", "aggregation.(Grid).scale", "aggregation.(*quantiser).zero"},
		[]string{"aggregation.(Grid).QuantiseStream"}},
	{"round a block: step 3, and the truncation of step 4",
		[]string{"aggregation.(*quantiser).readRounded", "aggregation.(*rounder).rounded", "aggregation.towardsZero", "aggregation.(*rounder).roundWide",
			"aggregation.noNumber", "internal/lanes.Round", "internal/lanes.(level).round", "internal/lanes.roundGo", "internal/lanes.roundAVX2",
			"internal/lanes.roundAVX512", "internal/lanes.nearest", "internal/lanes.Magnitude"},
		[]string{"aggregation.(*quantiser).pass"}},
	{"hand a kernel its arguments: a float among them goes as its bits, and kernels of sums and masks take none",
		[]string{"gpu.(*Device).argument"},
		[]string{"gpu.(*Stream).Launch"}},
	{"read an update that is in memory: another that the quantiser may read from, not the device's",
		[]string{"aggregation.(Grid).Quantise func1"}, nil},
}

// onPath must be reached: what stands behind an interface or in a variable, and without which the walk would have a hole.
var onPath = []string{
	"client/participant.quantised func2", "client/participant.(*fileWriter).Write", "client.(*VectorDir).Write", "client.(*VectorDir).Read",
	"internal/lanes.(level).squares", "privacy.(*Gaussian).Sample", "privacy.(*Stream).Read", "aggregation.Pack",
	"protocol/stream.(*Conn).Send", "protocol/stream.(*Conn).Recv", "protocol.(*Chunk).Append", "protocol.(*Chunk).parse",
	"coordinator/store/sqlite.(*Store).Chunk", "aggregation.(*CPUAccumulator).AddVector", "aggregation.(*CPUAccumulator).AddMasks",
	"aggregation.(*OffloadAccumulator).AddMasks", "gpu/masks.(*Expander).Expand",
	"coordinator/round.Settle", "aggregation.Signed", "aggregation.SumHash",
}

// programs are what is built of the module: whatever stands behind an interface in them is read.
var programs = []string{"./cmd/cinesync", "./cmd/cinesyncd"}

// TestNoFloatBetweenRoundingAndSum reads the types of every expression on the path: a float there would round once more, by rules
// that no proof of privacy knows. Then it plants floats in copies of the sources, and must find every one.
func TestNoFloatBetweenRoundingAndSum(t *testing.T) {
	packages := list(t, programs...)
	w := packages.typed(t, nil)
	reached := w.reach(integerPath)
	for _, must := range slices.Concat(integerPath, onPath) {
		if _, ok := reached[must]; !ok || w.bodies[must] == nil {
			t.Errorf("%s is not reached, though it is between rounding and sum: the walk has a hole, or it has another name now", must)
		}
	}
	for _, name := range handOn {
		if w.bodies[name] == nil {
			t.Errorf("%s hands nothing on: it has another name now", name)
		}
	}
	for _, c := range w.complaints(reached) {
		t.Error(c)
	}
	for _, allowed := range mayFloat {
		for _, name := range allowed.list {
			if _, ok := reached[name]; !ok {
				t.Errorf("%s may have floats (%s), and is not reached: take it off the list", name, allowed.why)
			}
		}
	}
	t.Logf("%d functions", len(reached))
	if !t.Failed() {
		t.Run("planted", func(t *testing.T) { findPlanted(t, packages) })
	}
}

// complaints are the floats in what was reached, but for those that may be there, and calls of those from where they may not.
func (w *walk) complaints(reached map[string][]string) []string {
	from := map[string][]string{}
	for _, allowed := range mayFloat {
		for _, name := range allowed.list {
			from[name] = append([]string{}, allowed.from...)
		}
	}
	var out []string
	for _, name := range handOn {
		if w.bodies[name] == nil {
			continue
		}
		out = append(out, w.floats(name)...)
		for callee := range w.callees(name, false) {
			if from[callee] != nil {
				out = append(out, fmt.Sprintf("%s calls %s, which may have floats for others", name, callee))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(reached)) {
		callers, may := from[name]
		if !may {
			callers, may = from[named(name)]
		}
		if !may {
			out = append(out, w.floats(name)...)
			continue
		}
		for _, caller := range reached[name] {
			if c := named(caller); !slices.Contains(callers, c) && from[c] == nil {
				out = append(out, fmt.Sprintf("%s calls %s, which may have floats for others", caller, name))
			}
		}
	}
	return out
}

// named is the declared function around one that has no name, or itself.
func named(name string) string {
	before, _, _ := strings.Cut(name, " ")
	return before
}

// plant is a change to a file, and what is to be found because of it, if anything: where, and what.
type plant struct{ file, old, new, in, what string }

// plants put a float on the path, in its own function or in one that only a variable knows, or come back to one that may be there.
var plants = []plant{
	{"aggregation/round.go", "if err := q.write(out, from)", "out[0] = int32(float64(out[0]))\nif err := q.write(out, from)",
		"aggregation.(*quantiser).pass", "computes with float64"},
	{"aggregation/round.go", "return true, nil\n}", "q.zero()\nreturn true, nil\n}",
		"aggregation.(*quantiser).pass", "calls aggregation.(*quantiser).zero"},
	{"internal/lanes/lanes_amd64.s", "TEXT ·squaresAVX2(SB), NOSPLIT, $0-24", "TEXT ·squaresAVX2(SB), NOSPLIT, $0-24\n\tVADDPS Y0, Y0, Y0",
		"internal/lanes.squaresAVX2", "computes with VADDPS"},
	{"client/participant/contribute.go", "words[i] = uint32(v)", "words[i] = uint32(int32(float32(v)))",
		"client/participant.quantised", "computes with float32"},
	{"client/participant/contribute.go", "masker.Add(words, from)", "_ = 0.5\nmasker.Add(words, from)",
		"client/participant.masked", "computes with float64"},
	{"client/door/obey.go", "d.more = d.more || out.More", "d.more = d.more || out.More || float64(len(out.Send)) > 1e9",
		"client/door.(*Door).say", "computes with float64"},
	{"client/vectors.go", "_, err = f.ReadAt(p, at)", "_, err = f.ReadAt(p, at)\np[0] = byte(float64(p[0]))",
		"client.(*VectorDir).Read", "computes with float64"},
	{"client/vectors.go", "_, err := f.WriteAt(p, at)", "halve(p)\n_, err := f.WriteAt(p, at)", "", ""},
	{"client/vectors.go", "// OpenVectorDir makes", "var halve = func(p []byte) { p[0] = byte(float64(p[0]) / 2) }\n\n// OpenVectorDir makes",
		"client ", "computes with float64"},
	{"protocol/tcp/link.go", "n, err := b.Conn.Write(p)", "_, _ = math.Modf(2)\nn, err := b.Conn.Write(p)",
		"protocol/tcp.(bytes).Write", "computes with float64"},
	{"protocol/tcp/link.go", "import (", "import (\n\"math\"", "", ""},
	{"coordinator/store/sqlite/load.go", "return data, nil", "var f big.Float\ndata[0], _ = byte(f.MinPrec()), 0\nreturn data, nil",
		"coordinator/store/sqlite.(*Store).Chunk", "computes with big.Float"},
	{"coordinator/store/sqlite/load.go", "import (", "import (\n\"math/big\"", "", ""},
}

func findPlanted(t *testing.T, packages *listed) {
	changed := map[string]string{}
	for _, p := range plants {
		if changed[p.file] == "" {
			b, err := os.ReadFile(p.file)
			if err != nil {
				t.Fatal(err)
			}
			changed[p.file] = string(b)
		}
		if n := strings.Count(changed[p.file], p.old); n != 1 {
			t.Fatalf("%s has %d times %q, want one place to plant a float", p.file, n, p.old)
		}
		changed[p.file] = strings.Replace(changed[p.file], p.old, p.new, 1)
	}
	w := packages.typed(t, changed)
	complaints := w.complaints(w.reach(integerPath))
	found := make([]bool, len(plants))
	for _, c := range complaints {
		i := slices.IndexFunc(plants, func(p plant) bool {
			return p.what != "" && strings.Contains(c, p.in) && strings.Contains(c, p.what)
		})
		if i < 0 {
			t.Errorf("nobody planted this: %s", c)
		} else {
			found[i] = true
		}
	}
	for i, p := range plants {
		if p.what != "" && !found[i] {
			t.Errorf("planted in %s and not found: %s", p.file, p.new)
		}
	}
}

// TestFloatsAreFound: the walk finds floats in what is called, in methods behind interfaces, in constants, and in functions that reach
// their place through fields, parameters, results, slices and channels; and stays off what is not called.
func TestFloatsAreFound(t *testing.T) {
	const source = `package p
type face interface{ do() int }
type one struct{}
func (one) do() int { return int(float64(3)) }
func root(f face) int { return f.do() + helper(1) }
func helper(v int) int { return func() int { return v * int(half*4) }() }
const half = 0.5
func away() float64 { return 2.5 }
func clean(v int) int { return v + 1<<3 }

type box struct{ f func(int) int }
func bad(v int) int { return int(float32(v)) }
func fill(f func(int) int) box { return box{f: f} }
func make1() (func(int) int, error) { return bad, nil }
var filled = fill(bad)
var list = []func(int) int{clean, bad}
var ch = make(chan func(int) int, 1)
func send() { ch <- bad }
func field(v int) int { return filled.f(v) }
func result(v int) int { f, _ := make1(); return f(v) }
func slice(v int) int { for _, f := range list { v = f(v) }; return v }
func channel(v int) int { f := <-ch; return f(v) }
func method(v int) int { f := box.apply; return f(filled, v) }
func (b box) apply(v int) int { return b.f(v) }
func apply(v int, f func(int) int) int { return f(v) }
func argument(v int) int { return apply(v, clean) }
func tuple() { _, _ = pair() }
func pair() (int, float64)
`
	w := newWalk(token.NewFileSet())
	w.check(t, "p", map[string]any{"p.go": source}, nil)
	w.connect()
	for root, want := range map[string]int{"p.root": 2, "p.clean": 0, "p.field": 1, "p.result": 1, "p.slice": 1, "p.channel": 1, "p.method": 1, "p.argument": 0, "p.tuple": 2} {
		var in []string
		for name := range w.reach([]string{root}) {
			if len(w.floats(name)) > 0 {
				in = append(in, name)
			}
		}
		if len(in) != want {
			t.Errorf("from %s floats were found in %v, want %d functions", root, in, want)
		}
	}
}
