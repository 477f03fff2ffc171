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
// forgets both, and the replayed round names the same.
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
		after := before.After(c.row.Round, p.Fault)
		b.Conduct = append(b.Conduct, ConductRow{Serial: p.Serial, Conduct: after})
		out = append(out, Blamed{Device: hex.EncodeToString(p.ID[:]), Fault: p.Fault.String(), Certain: p.Fault.Certain(), Until: after.Until})
	}
	return out, nil
}

// leastRest is the least time for which a device is sent away for each round that it sits out: it asks again too early rather than
// too late.
const leastRest = 5 * time.Second

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
	rest := min(restFor, time.Duration(left)*max(leastRest, c.cfg.Task.Interval))
	return &protocol.HangUp{Code: protocol.CodeBusy, RetryAfter: uint32(rest / time.Second), Detail: fmt.Sprintf(
		"round %d was given up because of this device, or so it looks; rounds that it still sits out: %d, up to round %d; reconnect later",
		held.Last, left, held.Until)}, nil
}
