package simulate

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cinesync/cinesync/sim"
)

// Drop is the part of the devices that vanishes in each round, by the step before which it does.
type Drop map[sim.Step]float64

// steps in the order in which what does not divide evenly is shared out.
func steps() []sim.Step { return []sim.Step{sim.AtInput, sim.AtChunk, sim.AtReveal, sim.AtShares} }

// anywhere stands for all steps alike.
const anywhere sim.Step = ""

// ParseDrop reads a part, such as 0.1, which is spread evenly over the steps, or parts by step, such as input=0.1,reveal=0.05.
func ParseDrop(s string) (Drop, error) {
	d := Drop{}
	for _, part := range strings.Split(s, ",") {
		name, value, at := strings.Cut(part, "=")
		step := sim.Step(name)
		switch {
		case !at && len(d) == 0 && !strings.Contains(s, ","):
			step, value = anywhere, name
		case !at || !slices.Contains(steps(), step):
			return nil, fmt.Errorf("--drop has %q: want a part such as 0.1, or STEP=PART with one of %v, separated by commas", part, steps())
		}
		if _, twice := d[step]; twice {
			return nil, fmt.Errorf("--drop has %s twice", step)
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil || !(v >= 0 && v < 1) {
			return nil, fmt.Errorf("--drop has %q: want a part of the devices, from 0 to below 1", part)
		}
		d[step] = v
	}
	if total(d.counts(1000)) >= 1000 {
		return nil, fmt.Errorf("--drop is %q: nobody would be left; want less than 1 in all", s)
	}
	return d, nil
}

// counts are whole devices, halves up.
func (d Drop) counts(devices int) map[sim.Step]int {
	out := spread(d[anywhere], devices)
	for s, part := range d {
		if s != anywhere {
			out[s] = whole(part, devices)
		}
	}
	return out
}

func whole(part float64, devices int) int { return int(part*float64(devices) + 0.5) }

// spread shares a part of the devices out over the steps.
func spread(part float64, devices int) map[sim.Step]int {
	out, all := map[sim.Step]int{}, whole(part, devices)
	for i, s := range steps() {
		if n := (all + len(steps()) - 1 - i) / len(steps()); n > 0 {
			out[s] = n
		}
	}
	return out
}

func total(counts map[sim.Step]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// ParseCrash reads phases, such as inputs,unmask, at whose start the coordinator is killed once in each round.
func ParseCrash(s string) ([]string, error) {
	if s == "" {
		return nil, nil
	}
	known, out := []string{"keys", "shares", "inputs", "unmask", "settle"}, strings.Split(s, ",")
	for i, name := range out {
		if !slices.Contains(known, name) || slices.Contains(out[:i], name) {
			return nil, fmt.Errorf("--crash has %q: want phases out of %v, each once", name, known)
		}
	}
	return out, nil
}

// ParseNetwork reads faults, such as cut=2,duplicate=10,reorder=10,slow=200ms.
func ParseNetwork(s string) (n Network, err error) {
	if s == "" {
		return n, nil
	}
	chances := map[string]*int{"cut": &n.Cut, "duplicate": &n.Duplicate, "reorder": &n.Reorder}
	for _, part := range strings.Split(s, ",") {
		name, value, _ := strings.Cut(part, "=")
		switch {
		case name == "slow":
			n.Slow, err = time.ParseDuration(value)
		case chances[name] != nil:
			*chances[name], err = strconv.Atoi(value)
		default:
			err = errors.New("unknown")
		}
		if err != nil {
			return n, fmt.Errorf("--network has %q: want cut, duplicate or reorder with a percentage, or slow with a time, as in cut=2,slow=200ms", part)
		}
	}
	return n, nil
}
