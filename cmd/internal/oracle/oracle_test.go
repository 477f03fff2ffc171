// Package oracle holds our accountants against those of others, on settings that nobody chose.
//
// Owns: 500 random settings from a seed, the question to Google's dp-accounting (reference.py), and what deviation is allowed.
// Promises: a formula of ours that drifts from the reference's, in any family, fails here and prints the setting.
// Never: is imported, or needed for a build: without CINESYNC_ORACLE_PYTHON it skips (make oracle sets it).
// Start here: TestAgainstTheReference.
package oracle

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"github.com/cinesync/cinesync/privacy/accountant"
)

const seed = 20261126

// TestAgainstTheReference prints a line per family with its count and its worst deviation, relative to the reference.
func TestAgainstTheReference(t *testing.T) {
	python := os.Getenv("CINESYNC_ORACLE_PYTHON")
	if python == "" {
		t.Skip("CINESYNC_ORACLE_PYTHON names no Python with dp-accounting: run make oracle")
	}
	ref := start(t, python)
	fmt.Printf("dp-accounting %s, seed %d\n%-42s %5s %6s  %s\n", ref.version, seed, "family", "count", "missed", "worst deviation, ours less theirs")
	r, total := draws{rand.New(rand.NewPCG(seed, 0))}, 0
	for _, f := range families {
		var low, high float64
		missed := 0
		for range f.count {
			s := f.draw(r)
			theirs := ref.ask(t, s)
			s.theirs = theirs
			off, err := f.compare(s, theirs.Value)
			low, high = min(low, off), max(high, off)
			if err != nil {
				missed++
				t.Errorf("%s: %v: %v", f.name, s, err)
			}
		}
		total += f.count
		fmt.Printf("%-42s %5d %6d  %+.2g to %+.2g\n", f.name, f.count, missed, low, high)
	}
	if total != 500 {
		t.Errorf("%d settings, want 500", total)
	}
}

// compare gives the relative deviation, and an error where it is too large or only one side has an answer.
func (f family) compare(s setting, theirs *float64) (float64, error) {
	ours, err := f.ours(s)
	switch {
	case errors.Is(err, accountant.ErrNone) && theirs == nil:
		return 0, nil
	case err != nil:
		return 0, err
	case theirs == nil:
		return 0, fmt.Errorf("ours is %v, theirs that there is none", ours)
	}
	off := ours - *theirs
	rel := off
	if *theirs != 0 {
		rel = off / math.Abs(*theirs)
	}
	if math.Abs(off) <= f.abs || -f.below <= rel && rel <= f.above {
		return rel, nil
	}
	return rel, fmt.Errorf("ours is %.10g, theirs %.10g", ours, *theirs)
}

// reference is the running program.
type reference struct {
	version string
	in      io.Writer
	out     *bufio.Scanner
	said    *bytes.Buffer
}

func start(t *testing.T, python string) *reference {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python, "-B", "reference.py")
	ref := &reference{said: &bytes.Buffer{}}
	cmd.Stderr = ref.said
	in, err := cmd.StdinPipe()
	check(t, err)
	out, err := cmd.StdoutPipe()
	check(t, err)
	ref.in, ref.out = in, bufio.NewScanner(out)
	check(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close() // it ends at the end of its input
		_ = cmd.Wait()
	})
	var hello struct{ Version string }
	check(t, json.Unmarshal(ref.line(t), &hello))
	ref.version = hello.Version
	return ref
}

// reply is nil where there is no answer.
type reply struct {
	Value        *float64
	Order, Bound float64 // where the figure came from, and what was printed in its place
}

func (ref *reference) ask(t *testing.T, s setting) reply {
	t.Helper()
	b, err := json.Marshal(s)
	check(t, err)
	if _, err := ref.in.Write(append(b, '\n')); err != nil {
		t.Fatalf("ask for %v: %v; it said: %s", s, err, ref.said)
	}
	var got reply
	check(t, json.Unmarshal(ref.line(t), &got))
	return got
}

func (ref *reference) line(t *testing.T) []byte {
	t.Helper()
	if !ref.out.Scan() {
		t.Fatalf("the reference ended: %v; it said: %s", ref.out.Err(), ref.said)
	}
	return ref.out.Bytes()
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
