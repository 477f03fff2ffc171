package demo

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"github.com/cinesync/cinesync/cmd/cinesync/operate"
	"github.com/cinesync/cinesync/coordinator"
)

// host runs the coordinator until ctx ends: in this process, or as a process of its own that is killed.
type host interface {
	run(ctx context.Context, tell func(coordinator.Event)) error
}

// inside runs the coordinator in this process.
type inside struct{ dir string }

func (h inside) run(ctx context.Context, tell func(coordinator.Event)) error {
	return operate.Run(ctx, h.dir, operate.Options{OnEvent: tell})
}

// killer runs the coordinator as a process and kills it with SIGKILL once in every phase, on the phase it reports, and at
// most once a round. What the next start says of the round, and how the round then ends, is what counts: a kill that came
// too late for its phase is tried again.
type killer struct {
	dir     string
	program []string
	stderr  io.Writer

	mu      sync.Mutex
	todo    map[string]bool
	crashes []Crash
	pending bool   // killed, and the next start has not yet said what became of the round
	round   uint64 // the last one that was killed
}

func newKiller(dir string, program []string, stderr io.Writer) *killer {
	k := &killer{dir: dir, program: program, stderr: stderr, todo: map[string]bool{}}
	for _, p := range []string{"recruit", "keys", "shares", "inputs", "unmask", "settle"} {
		k.todo[p] = true
	}
	return k
}

func (k *killer) run(ctx context.Context, tell func(coordinator.Event)) error {
	for ctx.Err() == nil {
		if err := k.once(ctx, tell); err != nil {
			return err
		}
	}
	return nil
}

// once runs the process until it is killed or ctx ends.
func (k *killer) once(ctx context.Context, tell func(coordinator.Event)) error {
	cmd := exec.CommandContext(ctx, k.program[0], append(k.program[1:], "coordinator", "--dir", k.dir, "--events")...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stderr = k.stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start coordinator process: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start coordinator process: %w", err)
	}
	killed := false
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e coordinator.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			if killed {
				break // the kill cut its last line
			}
			cmd.Process.Kill()
			return errors.Join(fmt.Errorf("coordinator process said %q: %w", lines.Text(), err), cmd.Wait())
		}
		if !killed && k.wants(e) {
			killed = true
			if err := cmd.Process.Kill(); err != nil {
				return fmt.Errorf("kill coordinator process: %w", err)
			}
		}
		k.note(e)
		tell(e)
	}
	err = cmd.Wait()
	if ctx.Err() != nil || killed {
		return nil
	}
	return fmt.Errorf("the coordinator process ended by itself: %w", cmp.Or(err, errors.New("exit status 0")))
}

// wants reports whether to kill on this event.
func (k *killer) wants(e coordinator.Event) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e.Kind == "phase" && k.todo[e.Phase] && e.Round != k.round {
		k.pending, k.round = true, e.Round
		return true
	}
	return false
}

// note takes down what became of a round that a kill interrupted: where the next start found it, and how it ended.
func (k *killer) note(e coordinator.Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case e.Kind == "recovered" && k.pending:
		k.pending = false
		delete(k.todo, e.Phase)
		k.crashes = append(k.crashes, Crash{Round: e.Round, Phase: e.Phase, Outcome: e.Outcome, Reason: reason(e)})
	case e.Kind == "round" && e.Outcome == "aborted":
		for i := range k.crashes {
			if c := &k.crashes[i]; c.Round == e.Round && c.Outcome == "resumed" {
				c.Outcome, c.Reason = "aborted", reason(e)
			}
		}
	}
}

// reason is why a round was aborted, in words.
func reason(e coordinator.Event) string {
	return strings.TrimSuffix(e.Reason+": "+e.Detail, ": ")
}

// missed lists phases in which no kill landed.
func (k *killer) missed() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Sorted(maps.Keys(k.todo))
}

// freePort finds a UDP port on loopback that is free now, so that a coordinator that is started again has the same one.
func freePort() (string, error) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port on loopback: %w", err)
	}
	defer c.Close()
	return c.LocalAddr().String(), nil
}
