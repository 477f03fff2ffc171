package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// TestWitnessAnswersUntilStopped runs the command in a person's words and in JSON, and stops it.
func TestWitnessAnswersUntilStopped(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "w")
	for _, args := range [][]string{{"witness", "init", dir, "--name", "w1"}, {"witness", "add-log", dir, "--keys", "../../audit/testdata/keys.golden"}} {
		var stderr strings.Builder
		if code := run(t.Context(), args, io.Discard, &stderr); code != 0 {
			t.Fatalf("%v: exit %d, %s", args, code, &stderr)
		}
	}
	for _, asJSON := range []bool{false, true} {
		args := []string{"witness", "run", dir, "--listen", "127.0.0.1:0"}
		if asJSON {
			args = append(args, "--json")
		}
		ctx, stop := context.WithCancel(t.Context())
		read, write := io.Pipe()
		var stderr strings.Builder
		code := make(chan int, 1)
		go func() {
			code <- run(ctx, args, write, &stderr)
			write.Close()
		}()
		out := bufio.NewReader(read)
		first, err := out.ReadString('\n')
		if err != nil {
			t.Fatalf("%v: %v, %s", args, err, &stderr)
		}
		if asJSON {
			var ready struct {
				Kind, Name, Address string
				Logs                map[string]uint64
			}
			if err := json.Unmarshal([]byte(first), &ready); err != nil || ready.Kind != "listening" || ready.Name != "w1" || !strings.HasPrefix(ready.Address, "http://127.0.0.1:") || len(ready.Logs) != 1 {
				t.Errorf("%q is %+v, %v", first, ready, err)
			}
		} else {
			second, err := out.ReadString('\n')
			if !strings.HasPrefix(first, "witness w1 answers on http://127.0.0.1:") || second != "  cinesync.example/test, signed up to 0 entries\n" || err != nil {
				t.Errorf("%q, %q, %v", first, second, err)
			}
		}
		stop()
		if got := <-code; got != 0 || strings.Contains(stderr.String(), "cinesync:") {
			t.Errorf("%v: exit %d, %s", args, got, &stderr)
		}
	}
}
