package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// NB: if TestSimulateLines fails, run it with -update and read the difference. Commit it only if it is wanted.
var update = flag.Bool("update", false, "rewrite testdata/simulate")

// TestSimulateLines holds what small studies print against what is written down, less the wall times. Losses and norms are kept to three
// digits: their last bits may differ between processors.
func TestSimulateLines(t *testing.T) {
	for name, args := range map[string][]string{
		"protocol": {"--devices", "9", "--rounds", "2", "--words", "50", "--drop", "input=0.2", "--restart", "0.2", "--crash", "inputs", "--network", "duplicate=10"},
		"learning": {"--mode", "learning", "--devices", "30", "--rounds", "3", "--data", "made-up", "--every", "2", "--without-noise", "--gpu", "off"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			if code := run(t.Context(), append([]string{"simulate", "--json"}, args...), &out, &errs); code != 0 {
				t.Fatalf("exit code %d\n%s", code, &errs)
			}
			got := ""
			for line := range strings.Lines(out.String()) {
				got += steady(t, line)
			}
			file := filepath.Join("testdata", "simulate", name+".jsonl")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil || got != string(want) {
				t.Errorf("it prints\n%s\nwant (%v)\n%s", got, err, want)
			}
		})
	}
}

// stops cancels when the first line was written.
type stops struct {
	bytes.Buffer
	cancel func()
}

func (s *stops) Write(b []byte) (int, error) {
	defer s.cancel()
	return s.Buffer.Write(b)
}

// TestSimulateStopsWithTheLinesSoFar interrupts studies in their second round.
func TestSimulateStopsWithTheLinesSoFar(t *testing.T) {
	for _, args := range [][]string{{"--devices", "8", "--rounds", "3", "--words", "9"},
		{"--mode", "learning", "--devices", "20", "--rounds", "3", "--data", "made-up", "--gpu", "off"}} {
		ctx, cancel := context.WithCancel(t.Context())
		out, errs := &stops{cancel: cancel}, bytes.Buffer{}
		code := run(ctx, append([]string{"simulate", "--json"}, args...), out, &errs)
		if lines := strings.Count(out.String(), "\n"); code != 1 || lines != 1 || !strings.Contains(errs.String(), "simulate: stopped") {
			t.Errorf("%v: exit code %d, %d lines, %q", args, code, lines, errs.String())
		}
	}
}

// TestTheBarOfRoundsWithPhasesSaysNoTime: each phase is new to the meter, which would say that nothing is left.
func TestTheBarOfRoundsWithPhasesSaysNoTime(t *testing.T) {
	var out bytes.Buffer
	v := &view{meter: &meter{bar: &bar{out: &out, live: true}}}
	v.progress("round 1 of 2: keys", 1, 12)
	if got := out.String(); !strings.HasSuffix(got, " 1 of 12 round 1 of 2: keys") {
		t.Errorf("it draws %q", got)
	}
	out.Reset()
	v.timed("training", 1, 4)
	if got := out.String(); !strings.Contains(got, "1 of 4 rounds, training, ") || !strings.HasSuffix(got, " left") {
		t.Errorf("it draws %q", got)
	}
}

// steady is a line without what depends on the machine.
func steady(t *testing.T, line string) string {
	t.Helper()
	m := map[string]any{}
	if err := json.Unmarshal([]byte(line), &m); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	if m["wall"] == nil {
		t.Errorf("no wall time: %s", line)
	}
	delete(m, "wall")
	for _, name := range []string{"loss", "norm"} {
		if v, ok := m[name].(float64); ok {
			m[name] = fmt.Sprintf("%.3g", v)
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}
