// Package interop lets clients that share no code with this repository take part in its rounds.
//
// Owns: a federation of devices in Go and clients in Python around one coordinator, and the checks on what it publishes.
// Promises: a change of the wire, of the key schedule or of the checks that the specification's pages do not carry fails here.
// Never: is imported, or looks into the client, which lies in interop/ and is written from docs/spec.
// Start here: TestRoundsWithTwoClients.
package interop

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cinesync/cinesync/serve/catalog/household"
)

// TestRoundsWithTwoClients closes rounds of three devices and three clients in Python, one of which loses its connection again and again.
func TestRoundsWithTwoClients(t *testing.T) {
	python := requirePython(t)
	ctx, cancel := context.WithTimeout(t.Context(), seconds*time.Second)
	defer cancel()
	w, all := newWorld(t), &given{vectors: map[uint64]map[string][]uint32{}}
	running, stop := context.WithCancel(ctx)
	group, running := errgroup.WithContext(running)
	t.Cleanup(func() { stop(); group.Wait() }) // whatever fails below
	w.witness(t, running, group)
	coord := w.coordinate(t, running, group)
	households, err := household.Make(w.titles, ours, 1)
	check(t, err)
	for i := range ours {
		w.run(t, running, group, fmt.Sprintf("go-%d", i), coord.at.Address, households[i], all)
	}
	cutting, err := newRelay(running, coord.at.TCP, 4000, 7000, 9000)
	check(t, err)
	var clients errgroup.Group
	for i := range theirs {
		address := coord.at.TCP
		if i == 0 {
			address = cutting.Addr().String()
		}
		dir, id := w.theirDevice(t, fmt.Sprintf("python-%d", i), i)
		clients.Go(func() error {
			reports, err := takePart(running, python, dir, address)
			if err != nil {
				return err
			}
			return took(reports, id, i == 0, all)
		})
	}
	err = clients.Wait()
	select {
	case <-coord.done:
	case <-running.Done():
	}
	stop()
	if other := group.Wait(); !errors.Is(other, context.Canceled) {
		err = errors.Join(err, other)
	}
	check(t, err)
	coord.check(t, all)
	if n := cutting.cut.Load(); n != 3 {
		t.Errorf("%d connections were cut, want 3: the client did not have to resume", n)
	}
	w.audited(t)
}
