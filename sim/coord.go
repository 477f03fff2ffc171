package sim

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/protocol"
)

// coord is the coordinator's driver in miniature: log, journal and spool in memory, everything else the real machine.
type coord struct {
	w        *world
	key      ed25519.PrivateKey
	logKey   ed25519.PrivateKey
	log      *audit.Log
	entries  [][]byte
	question [32]byte
	context  []uint64
	model    [32]byte
	number   uint64
	prev     [32]byte
	open     *audit.RoundOpen
	index    uint64
	machine  *round.Machine
	journal  []journaled
	phase    round.Phase
	crashed  map[string]bool
	spool    map[[32]byte][]byte
	folds    []*round.Fold              // of the cohorts
	life     int                        // raised by every crash: what was planned before it does not happen
	tree     map[[32]byte]uint64        // what each device was last shown
	newest   signed                     // the checkpoint that was signed last
	closings map[[32]byte]farewell      // how ended rounds are told to late devices
	sums     [][]uint32                 // of the cohorts of the round that was settled last
	conduct  map[[16]byte]round.Conduct // what is held against certificates
}

type journaled struct {
	at     time.Time
	event  []byte
	digest string
}

type farewell struct {
	index   uint64
	members []round.Member
}

func (w *world) newCoord() error {
	c := &coord{w: w, key: w.key("coordinator", 0), logKey: w.key("log", 0), log: audit.NewLog(), tree: map[[32]byte]uint64{}, closings: map[[32]byte]farewell{}, conduct: map[[16]byte]round.Conduct{}}
	w.coord = c
	c.model = sha256.Sum256([]byte("sim model 0"))
	cInt, sigma := w.terms()
	code := sha256.Sum256(simCode)
	proto := w.open(0, [32]byte{})
	for _, r := range []audit.Record{
		&audit.PolicyChange{CeilingUnits: 1 << 62, PeriodSeconds: audit.MinPeriodSeconds, P: uint32(w.cfg.Rounds), B: 1, NMin: uint32(w.cfg.Min), GammaBP: 500, DeltaBP: uint16(w.cfg.DeltaBP)},
		&audit.CodeRelease{CodeHash: code, Name: "two-tower", Version: 1},
		&audit.Question{ID: "train", Version: 1, Purpose: "simulate", Kind: w.asks(), LayoutHash: simLayout, D: uint32(w.cfg.D), C: proto.C, CInt: cInt,
			SigmaTotSq: sigma, NMin: uint32(w.cfg.Min), P: uint32(w.cfg.Rounds), B: 1, ShareBP: 10000, Expiry: uint64(w.now.Add(1000 * time.Hour).Unix()), CodeHash: code, Result: "nowhere"},
	} {
		entry, err := audit.Seal(c.key, r)
		if err != nil {
			return err
		}
		c.context = append(c.context, c.append(entry))
		c.question = audit.LeafHash(entry)
	}
	return nil
}

func (c *coord) append(entry []byte) uint64 {
	c.entries = append(c.entries, entry)
	return c.log.Append(entry)
}

// openRound opens the next round and offers it to everybody who is connected.
func (c *coord) openRound() error {
	c.number++
	c.open = c.w.open(c.number, c.prev)
	entry, err := audit.Seal(c.key, c.open)
	if err != nil {
		return err
	}
	c.index = c.append(entry)
	c.machine, c.journal, c.phase = c.newMachine(), nil, round.Recruit
	c.crashed, c.spool, c.folds, c.sums = map[string]bool{}, map[[32]byte][]byte{}, c.newFolds(), nil
	c.w.oracle.opened(c.open)
	for s, n := range c.w.cfg.Lose {
		if c.w.lose == nil {
			c.w.lose = map[Step]int{}
		}
		c.w.lose[s] = n
	}
	c.w.restart = map[Step]int{}
	for s, n := range c.w.cfg.Restart {
		c.w.restart[s] = n
	}
	c.w.fact("open round=%d", c.number)
	if err := c.step(round.Event{Kind: round.Started}); err != nil {
		return err
	}
	for _, d := range c.w.devices {
		d.lost = false
		if d.up {
			if err := c.invite(d); err != nil {
				return err
			}
		} else if !d.dialing {
			d.redial()
		}
	}
	return nil
}

// invite tells the machine that a device is there, unless it sits out.
func (c *coord) invite(d *device) error {
	if c.sitsOut(d) {
		return nil
	}
	return c.step(round.Event{Kind: round.Connected, From: d.id})
}

// sitsOut reports whether rounds were spoilt under the device's certificate, for which it is left out of the running one.
func (c *coord) sitsOut(d *device) bool {
	return c.machine != nil && !c.machine.Member(d.id) && c.conduct[d.cfg.Cert.Serial].Left(c.number) > 0
}

func (c *coord) newMachine() *round.Machine {
	return round.New(round.Config{Open: *c.open, Entry: c.entries[c.index], Index: c.index, Context: c.context, Code: simCode, ModelSize: 1,
		Authority: c.w.authority.Public().(ed25519.PublicKey), Key: c.key, Grace: 200 * time.Millisecond, Signer: c.w.signer(c.key), AuthorityPQ: c.w.pinned(c.w.authority),
		Witnesses: c.w.policy(), LogOrigin: origin, LogKey: c.logKey.Public().(ed25519.PublicKey), RhoCumBound: c.number * c.open.RhoUnits})
}

// sid is the running session's, as this device is in it.
func (c *coord) sid(id [32]byte) [32]byte {
	if c.machine == nil {
		return [32]byte{}
	}
	return c.machine.SID(id)
}

// step journals and steps, as the real driver does, and checks what must never be asked.
func (c *coord) step(e round.Event) error {
	if c.machine == nil {
		return nil
	}
	c.w.oracle.steps++
	out := c.machine.Step(c.w.now, e)
	c.journal = append(c.journal, journaled{c.w.now, e.Append(nil), fmt.Sprint(out.Facts)})
	type entry struct {
		event  round.Event
		cosign bool
	}
	var logged []entry
	for _, f := range out.Facts {
		index := c.append(f.Entry)
		logged = append(logged, entry{round.Event{Kind: round.Logged, Hash: audit.LeafHash(f.Entry), Index: index}, f.Cosign})
		rec, err := audit.OpenEntry(c.key.Public().(ed25519.PublicKey), f.Entry)
		if err != nil {
			return err
		}
		if err := c.w.oracle.logs(rec); err != nil {
			return err
		}
	}
	for _, v := range out.Fold {
		if err := c.folds[v.Cohort].Put(v, c.spool[v.ID]); err != nil {
			return err
		}
	}
	if out.Work != nil {
		c.work(out.Work)
	}
	if err := c.deliver(out.Send); err != nil {
		return err
	}
	if out.Result != nil {
		return c.ended(out.Result)
	}
	for _, l := range logged {
		if err := c.logged(l.event, l.cosign); err != nil {
			return err
		}
	}
	if c.machine != nil && c.machine.Phase() != c.phase {
		c.phase = c.machine.Phase()
		if slices.Contains(c.w.cfg.Crash, c.phase.String()) && !c.crashed[c.phase.String()] {
			c.crashed[c.phase.String()] = true
			return c.crash()
		}
	}
	c.tick()
	return nil
}

// tick plans the machine's next moment.
func (c *coord) tick() {
	if c.machine == nil {
		return
	}
	next := c.machine.Next()
	if next.IsZero() {
		return
	}
	life, m := c.life, c.machine
	c.w.after(max(0, next.Sub(c.w.now)), func() error {
		if life != c.life || m != c.machine || m.Next().IsZero() || c.w.now.Before(m.Next()) {
			return nil
		}
		return c.step(round.Event{Kind: round.Ticked})
	})
}

// work settles after a while.
func (c *coord) work(p *round.Plan) {
	life := c.life
	c.w.figures.planned(p)
	c.w.after(c.w.delay(), func() error {
		if life != c.life {
			return nil
		}
		done := round.Event{Kind: round.Settled, Model: sha256.Sum256(fmt.Appendf(nil, "sim model %d", c.number))}
		c.sums = nil
		for i := range p.Cohorts {
			sum, err := c.unmask(p, i)
			if err != nil {
				return c.step(round.Unmaskable(round.BadReveals, err))
			}
			c.sums = append(c.sums, sum)
			done.Sums = append(done.Sums, aggregation.SumHash(aggregation.Signed(sum, c.open.WordBits)))
		}
		return c.step(done)
	})
}

// unmask settles a cohort with what was folded on arrival; what a crash lost comes from the spool.
func (c *coord) unmask(p *round.Plan, cohort int) ([]uint32, error) {
	f := c.folds[cohort]
	if err := f.Complete(p.Cohorts[cohort].Survivors, func(id [32]byte) ([]byte, error) { return c.spool[id], nil }); err != nil {
		return nil, err
	}
	return round.Settle(p, cohort, f)
}

func (c *coord) newFolds() []*round.Fold {
	var out []*round.Fold
	shape := aggregation.Shape{D: c.open.Words(), WordBits: c.open.WordBits, PRG: c.open.PRG}
	for range max(1, c.open.Cohorts) {
		out = append(out, round.NewFold(shape, c.w.cfg.accumulator(shape)))
	}
	return out
}

func (cfg Config) accumulator(s aggregation.Shape) aggregation.Accumulator {
	if cfg.Accumulators != nil {
		return cfg.Accumulators(s)
	}
	return aggregation.NewAccumulator(s)
}

// crash loses everything but log, journal and spool, and replays.
func (c *coord) crash() error {
	c.w.fact("crash phase=%s", c.phase)
	c.w.figures.Crashes++
	c.life++
	for _, d := range c.w.devices {
		d.cut()
	}
	c.machine, c.folds = c.newMachine(), c.newFolds()
	for _, j := range c.journal {
		e, err := round.ParseEvent(j.event)
		if err != nil {
			return err
		}
		if got := fmt.Sprint(c.machine.Step(j.at, e).Facts); got != j.digest {
			return fmt.Errorf("the replay of event %d decides differently", e.Kind)
		}
	}
	if p := c.machine.Phase(); p != c.phase {
		return fmt.Errorf("the replay stands in phase %v, it was %v", p, c.phase)
	}
	if p := c.machine.Pending(); p != nil {
		c.work(p)
	}
	if err := c.step(round.Event{Kind: round.Restarted}); err != nil {
		return err
	}
	return c.retell()
}

// deliver sends to devices, and watches that nobody is asked for both kinds of share.
func (c *coord) deliver(sends []round.Send) error {
	for _, s := range sends {
		if err := c.w.oracle.answers(s); err != nil {
			return err
		}
		if c.w.lostOnTheWay(s.Msg) {
			continue
		}
		d := c.w.byID[s.To]
		msg := s.Msg
		if state, ok := msg.(*protocol.InputState); ok {
			msg = &protocol.InputState{SID: state.SID, Offset: uint64(len(c.spool[s.To]))}
		}
		if s.Prove != nil {
			ev, err := c.evidence(s.To, s.Prove)
			if err != nil {
				return err
			}
			msg = protocol.WithEvidence(msg, ev)
		}
		if r, ok := msg.(*protocol.Roster); ok && s.Seed != nil {
			var err error
			if r.SeedProof, err = c.log.Inclusion(s.Seed.Index, s.Seed.Size); err != nil {
				return err
			}
		}
		d.receive(msg)
	}
	return nil
}

func (c *coord) evidence(id [32]byte, indexes []uint64) (protocol.Evidence, error) {
	size, old := c.log.Size(), c.tree[id]
	note, err := c.head()
	if err != nil {
		return protocol.Evidence{}, err
	}
	ev := protocol.Evidence{Checkpoint: note, OldSize: old}
	if old > 0 && old < size {
		if ev.Consistency, err = c.log.Consistency(old, size); err != nil {
			return ev, err
		}
	}
	for _, i := range indexes {
		proof, err := c.log.Inclusion(i, size)
		if err != nil {
			return ev, err
		}
		ev.Entries = append(ev.Entries, protocol.Logged{Index: i, Entry: c.entries[i], Proof: proof})
	}
	c.tree[id] = size
	return ev, nil
}

// ended checks the sum against the oracle and opens the next round.
func (c *coord) ended(r *round.Result) error {
	res := RoundOutcome{Done: r.Phase == round.Done, Reason: r.Reason.String(), U1: r.U1, U2: r.U2, U3: r.U3}
	c.closings[c.machine.OpenHash()] = farewell{r.Entry, r.Members}
	c.prev = audit.LeafHash(c.entries[r.Entry])
	if res.Done {
		c.model = r.Model
		if err := c.w.oracle.settled(r, c.sums); err != nil {
			return fmt.Errorf("round %d: %w", c.number, err)
		}
		res.SumOK = true
		if err := c.w.published(c.sums[0], r.U3); err != nil {
			return fmt.Errorf("round %d: %w", c.number, err)
		}
	}
	for _, d := range c.w.devices {
		res.Refusals = append(res.Refusals, d.refusals...)
		d.refusals = nil
	}
	for _, p := range r.Members {
		res.Members = append(res.Members, c.w.byID[p.ID].i)
	}
	for _, p := range r.Culprits {
		held := p.Weigh(c.conduct[p.Serial], c.number)
		c.conduct[p.Serial] = held
		res.Culprits = append(res.Culprits, Blame{Device: c.w.byID[p.ID].i, Fault: p.Fault, Out: held.Left(c.number + 1)})
	}
	c.w.fact("%s n=%d u3=%d reason=%q", r.Phase, r.U1, r.U3, r.Reason)
	for _, b := range res.Culprits {
		c.w.fact("blamed device=%d for=%q out=%d", b.Device, b.Fault, b.Out)
	}
	res.Figures = c.w.finished(r)
	c.w.out.Rounds = append(c.w.out.Rounds, res)
	c.machine = nil
	if told := c.w.cfg.Ended; told != nil {
		if err := told(res); err != nil {
			return err
		}
	}
	if len(c.w.out.Rounds) < c.w.cfg.Rounds {
		c.w.after(100*time.Millisecond, c.openRound)
	}
	return nil
}
