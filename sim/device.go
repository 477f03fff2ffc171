package sim

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"time"

	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// device is a device's driver in miniature: session and ledger are its disk, everything else the real machine.
type device struct {
	w        *world
	i        int
	id       [32]byte
	cfg      participant.Config
	machine  *participant.Machine
	ledger   *privacy.Ledger
	disk     []byte // the saved session
	scratch  *participant.Memory
	entries  []privacy.Entry // the ledger on disk
	up       bool
	dialing  bool
	lost     bool // gone until the next round
	life     int  // of the connection
	lastUp   time.Time
	lastDown time.Time
	random   *tap
	hidden   hidden // what a liar needs of its machine's secrets
	refusals []string
	moment   time.Time // before which its shares must not be seen
	moved    tally
	inbox    []*letter // what is on its way to it, in order
	busy     int       // what it does by itself and has not done yet
}

func (w *world) newDevice(i int) error {
	key := w.key("device", i)
	cert := w.cert(key, protocol.ClassDevice, uint64(i))
	d := &device{w: w, i: i, id: cert.IDPK, scratch: participant.NewMemory(), random: &tap{r: w.stream("device", i)}}
	d.cfg = participant.Config{Key: key, Cert: cert, Authority: w.authority.Public().(ed25519.PublicKey), Coordinator: w.coord.key.Public().(ed25519.PublicKey),
		LogOrigin: origin, LogKey: w.coord.logKey.Public().(ed25519.PublicKey), Witnesses: w.policy(), Floor: w.floor(), Random: d.random, Scratch: d.scratch}
	w.hybrid(d)
	w.devices = append(w.devices, d)
	w.byID[d.id] = d
	return d.boot()
}

// boot starts the device from its disk.
func (d *device) boot() error {
	var err error
	if d.ledger, err = privacy.Replay(d.cfg.Floor.Limits(), d.entries); err != nil {
		return err
	}
	d.machine, err = participant.New(d.cfg, d.ledger, d.disk)
	return err
}

// cut breaks the connection, without telling the coordinator's machine, which a caller does where it still runs.
func (d *device) cut() {
	d.life++
	d.up = false
	if !d.lost && !d.dialing {
		d.redial()
	}
}

// drop breaks the connection while the coordinator runs.
func (d *device) drop() error {
	if !d.up {
		return nil
	}
	d.cut()
	return d.w.coord.step(round.Event{Kind: round.Disconnected, From: d.id})
}

func (d *device) redial() {
	d.dialing = true
	d.w.after(d.w.delay(), d.connect)
}

// connect says hello, and is told how an earlier round ended.
func (d *device) connect() error {
	d.dialing = false
	if d.up || d.lost {
		return nil
	}
	d.up = true
	d.life++
	out := d.machine.Step(d.w.now, participant.Event{Connected: true})
	d.tell(participant.Event{Connected: true}, out)
	hello := out.Send[0].(*protocol.Hello)
	d.moved.up += size(hello)
	c := d.w.coord
	c.tree[d.id] = hello.TreeSize
	if err := c.deliver([]round.Send{{To: d.id, Msg: &protocol.Welcome{}, Prove: []uint64{}}}); err != nil {
		return err
	}
	if f, ok := c.closings[hello.OpenHash]; ok && hello.Round != 0 {
		msg := &protocol.Close{OpenHash: hello.OpenHash}
		if leaf, path := round.InputProof(f.members, d.id); leaf >= 0 {
			msg.InputIndex, msg.InputProof = uint32(leaf), path
		}
		if err := c.deliver([]round.Send{{To: d.id, Msg: msg, Prove: []uint64{f.index}}}); err != nil {
			return err
		}
	}
	return c.invite(d)
}

// step takes one step of the machine.
func (d *device) step(e participant.Event) error {
	if r, ok := e.Msg.(*protocol.Roster); ok {
		d.hidden.roster = r
	}
	e.Msg = d.mishear(e.Msg)
	return d.obey(e, d.think(d.w.now, e))
}

// obey does what the machine said, in field order.
func (d *device) obey(e participant.Event, did *thought) error {
	out := did.out
	d.random.reads = did.reads
	d.tell(e, out)
	if err := d.w.oracle.stepped(d, e, out); err != nil {
		return err
	}
	if out.Save != nil {
		d.disk = bytes.Clone(out.Save)
	}
	if out.Entry != nil {
		d.entries = append(d.entries, *out.Entry)
		if err := d.ledger.Apply(*out.Entry); err != nil {
			return err
		}
	}
	if out.Drop {
		if err := d.scratch.Keep(d.machine.Files()...); err != nil {
			return err
		}
	}
	if out.Refused != nil {
		d.refusals = append(d.refusals, out.Refused.Error())
		d.w.fact("refused device=%d %s", d.i, out.Refused.Why)
	}
	if out.Fetch != nil {
		hash := out.Fetch.Hash
		d.later(func() error { return d.step(participant.Event{Model: &participant.ModelReady{Hash: hash}}) })
	}
	if out.Train != nil {
		open := out.Train.OpenHash
		d.later(func() error {
			u, err := d.learned()
			if err != nil {
				return err
			}
			return d.step(participant.Event{Trained: &participant.Trained{OpenHash: open, LayoutHash: simLayout, Update: participant.Floats(u)}})
		})
	}
	at, ok := out.After.Moment(d.w.now)
	if !ok {
		return d.step(participant.Event{Late: true})
	}
	if at.After(d.w.now) {
		d.moment = at
		m, life := d.machine, d.life
		d.busy++
		d.w.after(at.Sub(d.w.now), func() error {
			d.busy--
			if m != d.machine || life != d.life {
				return nil // lost with its connection, and asked for again
			}
			return d.say(out)
		})
		return nil
	}
	return d.say(out)
}

// say does what the coordinator can notice.
func (d *device) say(out participant.Output) error {
	for _, m := range out.Send {
		if err := d.w.oracle.sends(d, m); err != nil {
			return err
		}
		gone, err := d.fault(m)
		if gone || err != nil {
			return err
		}
		if m, err = d.thinned(m); err != nil {
			return err
		}
		if err := d.w.sent(m); err != nil {
			return err
		}
		d.send(m)
	}
	if out.HangUp != nil {
		return d.drop()
	}
	if out.More {
		return d.step(participant.Event{More: true})
	}
	return nil
}

func (d *device) tell(e participant.Event, out participant.Output) {
	if d.w.watch != nil {
		d.w.watch(d, e, out)
	}
}

// later is local work: it goes on without a connection, and dies with the process.
func (d *device) later(do func() error) {
	m := d.machine
	d.busy++
	d.w.after(d.w.delay(), func() error {
		d.busy--
		if m != d.machine {
			return nil
		}
		return do()
	})
}

// update is a vector with a single 1 on the grid, at the device's own place.
func (d *device) update() []float32 {
	u := make([]float32, d.w.cfg.D)
	u[d.place()] = d.w.one
	return u
}

// place is the device's own coordinate. In vectors shorter than the roster several share one.
func (d *device) place() int { return d.i % d.w.cfg.D }

// fault loses or restarts the device where the plan says so.
func (d *device) fault(m protocol.Message) (gone bool, err error) {
	var at Step
	switch m.(type) {
	case *protocol.Shares:
		at = AtShares
	case *protocol.Input:
		at = AtInput
	case *protocol.Chunk:
		at = AtChunk
	case *protocol.Reveal:
		at = AtReveal
	default:
		return false, nil
	}
	if d.w.lose[at] > 0 {
		d.w.lose[at]--
		d.lost = true
		d.w.figures.lostAt(at)
		d.w.fact("lost device=%d at=%s", d.i, at)
		return true, d.drop()
	}
	if d.w.restart[at] > 0 {
		d.w.restart[at]--
		d.w.figures.Restarts++
		d.w.fact("restart device=%d at=%s", d.i, at)
		if err := d.drop(); err != nil {
			return true, err
		}
		return true, d.boot()
	}
	return false, nil
}

func (d *device) arrive(m protocol.Message) error {
	c := d.w.coord
	chunk, ok := m.(*protocol.Chunk)
	if !ok {
		if _, keys := m.(*protocol.Advertise); keys && c.sitsOut(d) {
			return nil // hung up on, and not worth a journal line
		}
		return c.step(round.Event{Kind: round.Message, From: d.id, Msg: m})
	}
	if c.machine.SID(d.id) != chunk.SID || chunk.Offset != uint64(len(c.spool[d.id])) || c.machine.Header(d.id) == nil {
		return nil
	}
	c.spool[d.id] = append(c.spool[d.id], chunk.Data...)
	if uint64(len(c.spool[d.id])) == c.machine.Header(d.id).Length {
		return c.step(round.Event{Kind: round.Uploaded, From: d.id, Hash: sha256.Sum256(c.spool[d.id])})
	}
	return nil
}
