package coordinator

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/cinesync/cinesync/protocol"
)

// A certificate under which a round was spoilt is left out of some rounds, more each time (secure aggregation 10.8). Who spoilt it the
// machine says; what that costs is arithmetic on what the store remembers.

// blame adds to a round's last transaction what is held against those for whose faults it was given up. A crash before the commit
// forgets both, and the replayed round names the same, but for absence: of that nobody is suspected who had a coordinator to wait for.
func (c *Coordinator) blame(ctx context.Context, b *batch) ([]Blamed, error) {
	if b.result == nil {
		return nil, nil
	}
	var out []Blamed
	for _, p := range b.result.Culprits {
		before, err := c.store.Conduct(ctx, p.Serial)
		if err != nil {
			return nil, err
		}
		after := p.Weigh(before, c.row.Round)
		b.Conduct = append(b.Conduct, ConductRow{Serial: p.Serial, Conduct: after})
		told := Blamed{Device: hex.EncodeToString(p.ID[:]), Fault: p.Fault.String(), Certain: p.Fault.Certain()}
		if !p.Spared {
			told.Until = after.Until
		}
		out = append(out, told)
	}
	return out, nil
}

// leastRest is the least time for which a device is sent away.
const leastRest = time.Second

// sentAway is for how long a device is sent away that sits out so many rounds: half of what they take if each is as short as the
// shortest with a sum that this process saw, pause included; before there was one, half of the pauses alone. Devices wait up to half as
// long again as they are told, and must not miss more than they sit out; whoever is early is told again.
func (c *Coordinator) sentAway(left uint64) time.Duration {
	each := min(max(c.shortest, c.cfg.Task.Interval), restFor)
	return min(max(time.Duration(min(left, 1<<16))*each/2, leastRest), restFor)
}

// took measures the round that ends now with a sum: one that is spoilt waits for deadlines.
func (c *Coordinator) took(now time.Time) {
	if c.began.IsZero() {
		return // by another process
	}
	if all := now.Sub(c.began) + c.cfg.Task.Interval; c.shortest == 0 || all < c.shortest {
		c.shortest = all
	}
}

// sitsOut says for how long a certificate is left out, nil if it is not.
func (c *Coordinator) sitsOut(ctx context.Context, cert *protocol.Cert) (*protocol.HangUp, error) {
	held, err := c.store.Conduct(ctx, cert.Serial)
	if err != nil {
		return nil, err
	}
	next := c.opened
	if c.machine == nil {
		next++
	}
	left := held.Left(next)
	if left == 0 {
		return nil, nil
	}
	return &protocol.HangUp{Code: protocol.CodeBusy, RetryAfter: uint32(c.sentAway(left) / time.Second), Detail: fmt.Sprintf(
		"round %d was given up because of this device, or so it looks; rounds that it still sits out: %d, up to round %d; reconnect later",
		held.Last, left, held.Until)}, nil
}
