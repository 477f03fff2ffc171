package coordinator

import (
	"context"
	"fmt"
	"time"

	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/protocol"
)

// A certificate says in how many rounds it may be used while it is valid, so that whoever collects certificates gets no more out of
// them than that (secure aggregation 3.1, 10.1). A round counts for those whose vectors are summed, in the transaction that decides
// it.

// restFor is how long a device is sent away that can take part no more.
const restFor = time.Hour

// barred says why a device may not join the running round, or else the next one, with this certificate; nil if it may. Whoever is in
// the running round goes on in it.
func (c *Coordinator) barred(ctx context.Context, id [32]byte, cert *protocol.Cert) (*protocol.HangUp, error) {
	if c.machine != nil && c.machine.Member(id) {
		return nil, nil
	}
	used, err := c.store.Used(ctx, cert.Serial)
	if err != nil {
		return nil, err
	}
	if used >= uint32(cert.Quota) {
		return &protocol.HangUp{Code: protocol.CodeUnauthorised, RetryAfter: uint32(restFor / time.Second),
			Detail: fmt.Sprintf("this certificate was used in %d rounds and allows %d: ask the enrolment authority for a new one", used, cert.Quota)}, nil
	}
	return c.sitsOut(ctx, cert)
}

// invite tells the machine that a device is there, unless it may not take part. Such a device still hears how its last round
// ended, then why it is sent away.
func (c *Coordinator) invite(ctx context.Context, now time.Time, p *peer, b *batch) error {
	cert := p.conn.Peer()
	no, err := c.barred(ctx, p.id, &cert)
	if err != nil {
		return err
	}
	if no == nil {
		return c.step(now, round.Event{Kind: round.Connected, From: p.id}, b)
	}
	b.sends = append(b.sends, round.Send{To: p.id, Msg: no, Last: true})
	return nil
}

// mayAdvertise holds keys against the quota and the conduct of the certificate that comes with them, which may be another than the connection's.
func (c *Coordinator) mayAdvertise(ctx context.Context, p *peer, msg *protocol.Advertise, b *batch) (bool, error) {
	no, err := c.barred(ctx, p.id, &msg.Key.Cert)
	if no != nil {
		b.words = append(b.words, word{p, no})
	}
	return no == nil, err
}
