package sim

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// NB: if TestScript fails, run it with -update and read the difference. Commit it only if you understand what caused it and
// it is wanted.
var update = flag.Bool("update", false, "rewrite the expected part of testdata/*.txt")

const divider = "----\n"

// TestScript runs every script in testdata: lines that describe a federation, "run", a divider, and the trace that must come
// out. A bug report is such a file.
//
//	# why this script exists
//	world seed=7 devices=8 min=3 delta=3000 rounds=1 d=64
//	lose 4 at input
//	restart 2 at reveal
//	crash inputs
//	network cut=2 duplicate=10 reorder=10 slow=200ms
//	run
//	----
//	00.909 done n=8 u3=4 reason="none"
func TestScript(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			script, want, _ := strings.Cut(string(b), divider)
			cfg, err := parseScript(script)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			got := play(cfg)
			switch {
			case got == want:
			case *update:
				if err := os.WriteFile(file, []byte(script+divider+got), 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				t.Errorf("%s: the trace is\n%s\nwant\n%s", file, got, want)
			}
		})
	}
}

// play gives the trace, the sums and what broke a promise.
func play(cfg Config) string {
	out, err := Run(cfg)
	var b bytes.Buffer
	if out != nil {
		for _, line := range out.Trace {
			fmt.Fprintln(&b, line)
		}
		for i, r := range out.Rounds {
			if r.Done {
				fmt.Fprintf(&b, "round %d: sum of %d exact: %v\n", i+1, r.U3, r.SumOK)
			}
		}
	}
	if err != nil {
		fmt.Fprintln(&b, "error:", err)
	}
	return b.String()
}

// parseScript reads the lines above the divider, strictly: a word that is not known is an error.
func parseScript(text string) (Config, error) {
	cfg := Config{Lose: map[Step]int{}, Restart: map[Step]int{}}
	ran := false
	for n, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if ran {
			return cfg, fmt.Errorf("line %d: nothing may follow run", n+1)
		}
		var err error
		switch words[0] {
		case "world":
			err = cfg.numbers(words[1:], map[string]*int{"devices": &cfg.Devices, "min": &cfg.Min, "delta": &cfg.DeltaBP, "rounds": &cfg.Rounds, "d": &cfg.D})
		case "network":
			err = cfg.numbers(words[1:], map[string]*int{"cut": &cfg.Cut, "duplicate": &cfg.Duplicate, "reorder": &cfg.Reorder})
		case "lose":
			err = at(cfg.Lose, words)
		case "restart":
			err = at(cfg.Restart, words)
		case "crash":
			for _, w := range words[1:] {
				if !slices.Contains([]string{"keys", "shares", "inputs", "unmask", "settle"}, w) {
					err = fmt.Errorf("%q is no phase", w)
				}
			}
			cfg.Crash = append(cfg.Crash, words[1:]...)
		case "run":
			ran = true
		default:
			err = fmt.Errorf("%q is not known", words[0])
		}
		if err != nil {
			return cfg, fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	if !ran || cfg.Devices < 3 {
		return cfg, errors.New("want a world of at least 3 devices, and run as the last line")
	}
	return cfg, nil
}

func (cfg *Config) numbers(words []string, known map[string]*int) error {
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		var err error
		switch {
		case name == "seed":
			cfg.Seed, err = strconv.ParseUint(value, 10, 64)
		case name == "slow":
			cfg.Slow, err = time.ParseDuration(value)
		case known[name] != nil:
			*known[name], err = strconv.Atoi(value)
		default:
			err = errors.New("not known here")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", w, err)
		}
	}
	return nil
}

// at reads "lose 4 at input".
func at(steps map[Step]int, words []string) error {
	if len(words) != 4 || words[2] != "at" {
		return fmt.Errorf("want %s COUNT at STEP", words[0])
	}
	step := Step(words[3])
	if !slices.Contains([]Step{AtShares, AtInput, AtChunk, AtReveal}, step) {
		return fmt.Errorf("%q is no step", words[3])
	}
	n, err := strconv.Atoi(words[1])
	if err != nil || n < 0 {
		return fmt.Errorf("%q is no count", words[1])
	}
	steps[step] += n
	return nil
}

func TestScriptRefuses(t *testing.T) {
	for _, text := range []string{"", "run", "world devices=8", "world devices=8\nrun\nlose 1 at input", "world devices=x\nrun", "world size=8\nrun",
		"world devices=8\nlose 1 at home\nrun", "world devices=8\nlose one at input\nrun", "world devices=8\nlose -1 at input\nrun",
		"world devices=8\nlose 1 input\nrun", "world devices=8\ncrash recruiting\nrun", "world devices=8\nnetwork devices=3\nrun", "world devices=8\nwait\nrun"} {
		if cfg, err := parseScript(text); err == nil {
			t.Errorf("%q: %+v", text, cfg)
		}
	}
}
