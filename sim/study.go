package sim

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// Study is an experiment in a run: what devices learn, and what it sees of the rounds. Nothing in the protocol changes, and the
// oracle checks every sum as ever.
type Study struct {
	// Update fills u, D zeros, with what a device (from 0) learned in a round (from 1). Its norm is clipped to 1.
	Update func(u []float32, device int, round uint64) error
	// Noise is how much of the devices' noise reaches the coordinator.
	Noise Noise
	// Sent hears of each of the Steps messages that a device sends in a round; an error ends the run. It may be nil.
	Sent func() error
	// Coins is told the key of the stream that rounds a device's update, so that another path can round the same way. It may be nil.
	Coins func(device int, round uint64, key [32]byte)
	// Published is told what anyone can see of a round that ended with a sum.
	Published func(p Published) error
}

// Steps is how many steps of a round each device that is not lost makes known: keys, shares, header, vector (where it is one
// chunk), reveal.
const Steps = 5

// Noise is a fault of devices that only a simulation has.
//
// The machine of a device cannot be asked for less noise: it refuses such rounds. So the fault lies behind it, like the lies
// of a hostile owner. A device with less noise takes its machine's masked vector, subtracts the noise that the machine drew
// (which the simulation knows from the seed), adds what is left, signs the header again with its own key, and sends that. Mask,
// charge and every message stay as they were, so neither coordinator nor log can tell. Its machine would: the receipt and the
// end of the round speak of another vector than it made. Both are lost on the way to it, as messages may be.
type Noise int

// What reaches the coordinator.
const (
	Whole Noise = iota // the noise that the machine drew
	Tenth              // a discrete Gaussian with a tenth of its σ
	None               // nothing: the mask alone
)

// String names it.
func (n Noise) String() string { return [...]string{"whole", "a tenth", "none"}[n] }

// Published is what a round shows to everybody: its opening, how many vectors were summed, and the sum, from which the next model
// is made.
type Published struct {
	Open     audit.RoundOpen
	Included int
	Sum      []int32
	Bits     int32 // sum of the clip bits, B for each device that the clip cut, with their noise; 0 where the round asks for none
}

// Grid is the one that the sum is on.
func (p Published) Grid() aggregation.Grid { return grid(&p.Open) }

// Observe is Run with an experiment in it.
func Observe(cfg Config, s Study) (*Outcome, error) {
	if err := s.check(cfg); err != nil {
		return nil, fmt.Errorf("observe rounds: %w", err)
	}
	w, err := newWorld(cfg)
	if err != nil {
		return nil, fmt.Errorf("seed=%d: %w", cfg.Seed, err)
	}
	w.study = &s
	out, err := w.run()
	if err != nil {
		return out, fmt.Errorf("seed=%d: %w", cfg.Seed, err)
	}
	return out, nil
}

func (s *Study) check(cfg Config) error {
	switch {
	case s.Update == nil || s.Published == nil:
		return errors.New("an experiment has to say what devices learn, and to look at what is published")
	case s.Noise < Whole || s.Noise > None:
		return fmt.Errorf("noise %d is unknown: want whole, a tenth or none", int(s.Noise))
	case cfg.Cohorts > 1 || cfg.Liars > 0:
		return fmt.Errorf("%d cohorts and %d liars: experiments are for one sum and honest machines", cfg.Cohorts, cfg.Liars)
	}
	return nil
}

// learned is what a device's training gives.
func (d *device) learned() ([]float32, error) {
	s := d.w.study
	if s == nil {
		return d.update(), nil
	}
	u := make([]float32, d.w.cfg.D)
	if err := s.Update(u, d.i, d.w.coord.number); err != nil {
		return nil, fmt.Errorf("update of device %d: %w", d.i, err)
	}
	return u, d.w.oracle.learned(d, u)
}

// remaining is the noise that a device sends instead of what its machine drew, in every word that it sends; nil where that is the same.
// variances are those of the vector, and of the clip bit where the round asks for one.
func (w *world) remaining(d *device, variances ...uint64) ([]uint32, error) {
	if w.study == nil || w.study.Noise == Whole {
		return nil, nil
	}
	rest := make([]uint32, w.coord.open.Words())
	if w.study.Noise == None {
		return rest, nil
	}
	key := sha256.Sum256(fmt.Appendf(nil, "sim tenth %d %d %d", w.cfg.Seed, w.coord.number, d.i))
	stream, out := privacy.NewStream(key), []uint32(nil)
	for i, n := range []int{w.cfg.D, len(rest) - w.cfg.D}[:len(variances)] {
		part, err := privacy.Perturb(make([]int32, n), max(1, variances[i]/100), stream)
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
	}
	return out, nil
}

// thinned is the message that really leaves.
func (d *device) thinned(m protocol.Message) (protocol.Message, error) {
	left := d.w.oracle.left[d.id]
	if left == nil {
		return m, nil
	}
	switch m := m.(type) {
	case *protocol.Input:
		y, err := d.thin(left)
		if err != nil {
			return nil, err
		}
		h := again(m).(*protocol.Input)
		h.YHash = sha256.Sum256(y)
		for i := range h.Chunks {
			h.Chunks[i] = sha256.Sum256(y[i*protocol.ChunkSize : min(len(y), (i+1)*protocol.ChunkSize)])
		}
		d.signInput(h)
		return h, nil
	case *protocol.Chunk:
		y, err := d.thin(left)
		if err != nil {
			return nil, err
		}
		return &protocol.Chunk{SID: m.SID, Offset: m.Offset, Data: y[m.Offset : m.Offset+uint64(len(m.Data))]}, nil
	}
	return m, nil
}

// thin takes the machine's masked vector from its disk and changes the noise under the mask.
func (d *device) thin(left []uint32) ([]byte, error) {
	bits := d.w.cfg.Suite.WordBits
	b := make([]byte, len(left)*int(bits)/8)
	if err := d.scratch.Read("masked", 0, b); err != nil {
		return nil, err
	}
	y := make([]uint32, len(left))
	if err := aggregation.DecodeWords(y, b, bits); err != nil {
		return nil, err
	}
	aggregation.Sub(y, d.w.oracle.noise[d.id])
	aggregation.Add(y, left)
	return aggregation.AppendWords(nil, y, bits), nil
}

// lostOnTheWay are messages that would tell a machine of another vector than its own.
func (w *world) lostOnTheWay(m protocol.Message) bool {
	if w.study == nil || w.study.Noise == Whole {
		return false
	}
	switch m.(type) {
	case *protocol.Receipt, *protocol.Close:
		return true
	}
	return false
}

func (w *world) published(sum []uint32, included int) error {
	if w.study == nil {
		return nil
	}
	p := Published{Open: *w.coord.open, Included: included, Sum: aggregation.Signed(sum, w.coord.open.WordBits)}
	if d := w.cfg.D; len(p.Sum) > d {
		p.Sum, p.Bits = p.Sum[:d], p.Sum[d]
	}
	return w.study.Published(p)
}

func (w *world) sent(m protocol.Message) error {
	if w.study == nil || w.study.Sent == nil {
		return nil
	}
	switch m.(type) {
	case *protocol.Advertise, *protocol.Shares, *protocol.Input, *protocol.Chunk, *protocol.Reveal:
		return w.study.Sent()
	}
	return nil
}
