package demo

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"

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

// killer runs the coordinator as a process, kills it with SIGKILL where its plan says, and starts it again.
type killer struct {
	dir     string
	program []string
	stderr  io.Writer
	kills   *kills
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
	err = readEvents(out, func(e coordinator.Event) error {
		if !killed && k.kills.wants(e) {
			killed = true
			if err := cmd.Process.Kill(); err != nil {
				return fmt.Errorf("kill coordinator process: %w", err)
			}
		}
		k.kills.note(e)
		tell(e)
		return nil
	})
	if err != nil && !killed { // a kill may cut the last line
		cmd.Process.Kill()
		return errors.Join(err, cmd.Wait())
	}
	err = cmd.Wait()
	if ctx.Err() != nil || killed {
		return nil
	}
	return fmt.Errorf("the coordinator process ended by itself: %w", cmp.Or(err, errors.New("exit status 0")))
}

// maxLine bounds an event's line: that of a round's end names every member.
const maxLine = 1 << 20

// readEvents reads what `cinesync coordinator --events` prints, one JSON object a line.
func readEvents(in io.Reader, tell func(coordinator.Event) error) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var e coordinator.Event
		err := json.Unmarshal(lines.Bytes(), &e)
		if err == nil && e.Kind == "" {
			err = errors.New("it names no event")
		}
		if err != nil {
			return fmt.Errorf("coordinator process said %.200q: %w", lines.Text(), err)
		}
		if err := tell(e); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read what the coordinator process says: %w", err)
	}
	return nil
}

// freeTCP finds a TCP port on loopback that is free now.
func freeTCP() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port on loopback: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
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
