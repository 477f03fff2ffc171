package protocol_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/protocol"
)

func spec(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../docs/spec/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// rows are the table rows of the specification that match a pattern.
func rows(t *testing.T, pattern string) [][]string {
	t.Helper()
	return regexp.MustCompile(`(?m)^`+pattern).FindAllStringSubmatch(spec(t), -1)
}

func TestSpecificationNamesEveryTypeWithItsLimit(t *testing.T) {
	limits := map[string]int{"control": protocol.MaxControl, "bundle": protocol.MaxBundle, "data": protocol.MaxData, "chunk": protocol.ChunkSize,
		"roster": protocol.MaxRoster, "roster-bundle": protocol.MaxRosterBundle}
	for _, r := range rows(t, `\| ([\w-]+) \| (\d+) \| .* \|$`) {
		if want, ok := limits[r[1]]; ok && r[2] != strconv.Itoa(want) {
			t.Errorf("limit %s is %s, in the code %d", r[1], r[2], want)
		}
	}
	types := rows(t, "\\| (\\d+) \\| `([a-z-]+)` \\| (?:device|coordinator|either) \\| ([\\w-]+) \\|$")
	for i, r := range types {
		if typ := protocol.Type(i + 1); r[1] != strconv.Itoa(i+1) || r[2] != typ.String() || limits[r[3]] != protocol.Limit(typ) {
			t.Errorf("row %q, in the code %d %v with limit %d", r[0], typ, typ, protocol.Limit(typ))
		}
	}
	if protocol.Limit(protocol.Type(len(types))) == 0 || protocol.Limit(protocol.Type(len(types)+1)) != 0 {
		t.Errorf("%d types in the specification, more or fewer in the code", len(types))
	}
}

func TestSpecificationNamesEveryCode(t *testing.T) {
	codes := rows(t, "\\| (\\d+) \\| `([a-z-]+)` \\| [^|]* \\|$")
	for i, r := range codes {
		if r[1] != strconv.Itoa(i) || r[2] != protocol.Code(i).String() {
			t.Errorf("row %q, in the code %d %v", r[0], i, protocol.Code(i))
		}
	}
	if next := protocol.Code(len(codes)); len(codes) == 0 || next.String() != fmt.Sprintf("code %d", len(codes)) {
		t.Errorf("%d codes in the specification, and %v in the code", len(codes), next)
	}
}

// TestSpecificationTakesTheGoldenFramesApart reads section 5 as a grammar and compares what it makes of each golden body with the parser.
func TestSpecificationTakesTheGoldenFramesApart(t *testing.T) {
	g := grammar{}
	_, text, _ := strings.Cut(spec(t), "```text\n")
	text, _, _ = strings.Cut(text, "```")
	for line := range strings.Lines(text) {
		if name, fields, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			g[name] = strings.Split(strings.TrimSpace(fields), ", ")
		}
	}
	for name, m := range goldenFrames() {
		t.Run(name, func(t *testing.T) {
			frame := read(t, name)
			d := decoder{grammar: g, rest: frame[protocol.HeaderSize:]}
			d.structure(m.Type().String())
			if len(d.rest) > 0 {
				t.Errorf("%d bytes are left", len(d.rest))
			}
			want, err := protocol.Fields(m.Type(), frame[protocol.HeaderSize:])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(joined(want), joined(d.fields)); diff != "" {
				t.Errorf("(-code +specification):\n%s", diff)
			}
			var limits []int
			for _, c := range counts[m.Type()] {
				limits = append(limits, c.most)
			}
			if diff := cmp.Diff(limits, d.limits); diff != "" {
				t.Errorf("limits of lists and byte strings (-code +specification):\n%s", diff)
			}
		})
	}
}

type grammar map[string][]string

type decoder struct {
	grammar grammar
	rest    []byte
	fields  []protocol.Field
	limits  []int // in the order of counts
}

func (d *decoder) take(name string, n int) []byte {
	b := d.rest[:n]
	d.rest = d.rest[n:]
	d.fields = append(d.fields, protocol.Field{Name: name, Bytes: b})
	return b
}

func (d *decoder) structure(name string) {
	for _, f := range d.grammar[name] {
		words := strings.Fields(f) // "name", "name kind", "name bytes N" or "name list N of X"
		if len(words) == 1 {
			d.structure(words[0])
			continue
		}
		if n := width(words[1]); n > 0 {
			d.take(words[0], n)
			continue
		}
		most, err := strconv.Atoi(words[2])
		if err != nil {
			panic(err)
		}
		d.limits = append(d.limits, most)
		n := int(binary.BigEndian.Uint32(d.take(words[0], 4)))
		if words[1] != "list" {
			d.take(words[0], n)
			continue
		}
		for range n {
			if size := width(words[4]); size > 0 {
				d.take(words[0], size)
			} else {
				d.structure(words[4])
			}
		}
	}
}

func width(kind string) int {
	switch kind {
	case "u8":
		return 1
	case "u16":
		return 2
	case "u32":
		return 4
	case "u64":
		return 8
	}
	n, _ := strconv.Atoi(kind) // 0 for a name
	return n
}

// joined puts neighbouring fields of one name together, as lines of text.
func joined(fields []protocol.Field) (lines []string) {
	last := ""
	for _, f := range fields {
		if f.Name != last {
			lines = append(lines, f.Name+" ")
		}
		last = f.Name
		lines[len(lines)-1] += fmt.Sprintf("%x", f.Bytes)
	}
	return lines
}
