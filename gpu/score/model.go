package score

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/model"
)

// Model is a snapshot on a device. Several goroutines may use it; they take turns.
type Model struct {
	mu      sync.Mutex
	device  *gpu.Device
	stream  *gpu.Stream
	kernels *Kernels
	family  family
	shape   shape
	ages    []float32
	fixed   *memory
	poison  bool
	staged  [2]*gpu.Pinned
	most    int // users at once; halved where memory is short

	v, vt, bias *gpu.Buffer // n × d; d × stride; stride
	turned      *gpu.Buffer // two-tower: d × channels·d
	ncf         ncfTables
	first       mean // NCF: of the first step, the same for everybody
}

// ncfTables are the rest of an NCF.
type ncfTables struct {
	rates, h, p, c1              *gpu.Buffer
	theirs, weights, lift, units *gpu.Buffer
}

// mean is the titles' mean vectors under a softmax, in slices; see score_attend.
type mean struct {
	sums, tops, masses *gpu.Buffer
	slices, rows       int
}

// New brings a model of the two-tower or the NCF family to the device. Errors: ErrModel, gpu.ErrMemory, gpu.ErrLost.
func (k *Kernels) New(s *model.Snapshot) (*Model, error) { return k.open(s, false) }

func (k *Kernels) open(s *model.Snapshot, poison bool) (*Model, error) {
	x, err := shapeOf(s, k.device.Info())
	if err != nil {
		return nil, fmt.Errorf("score on the GPU: %w", err)
	}
	m := &Model{device: k.device, kernels: k, family: k.towers, shape: x, ages: s.Layout.Ages, poison: poison, most: mostUsers}
	if x.ncf {
		m.family = k.ncf
	}
	if m.stream, err = k.device.Stream(); err == nil {
		m.fixed = m.memory()
		m.upload(s)
		err = m.fixed.err
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("score on the GPU: %w", err), m.Close())
	}
	return m, nil
}

func (m *Model) memory() *memory {
	return &memory{device: m.device, stream: m.stream, poison: m.poison}
}

// upload brings the parameters over and computes what all users share.
func (m *Model) upload(s *model.Snapshot) {
	x, f := m.shape, m.fixed
	tensor := func(name string) []float32 {
		at, n, _ := s.Layout.Offset(name)
		return s.Params[at : at+n]
	}
	m.v = f.floats(tensor("v"))
	m.bias = f.floats(append(append(make([]float32, 0, x.stride()), tensor("b")...), make([]float32, x.stride()-x.n)...))
	m.vt = f.words(x.d * x.stride())
	f.launch(m.kernels.turn, gpu.Dim{X: blocks(x.stride(), threads), Y: x.d}, threads, 0, m.vt, m.v, uint32(x.n), uint32(x.d), uint32(x.stride()))
	if !x.ncf {
		m.turned = f.floats(turnTowers(tensor("w"), x.channels, x.d))
	} else {
		m.ncf = ncfTables{rates: f.floats(tensor("s")), h: f.floats(tensor("h")), p: f.floats(tensor("p")), c1: f.floats(tensor("c1")),
			theirs: f.words(x.h1 * x.stride()), weights: f.floats(groupUnits(tensor("a2"), x.h1, x.h2)), lift: f.floats(padUnits(tensor("c2"))), units: f.floats(padUnits(tensor("o")))}
		q := f.floats(tensor("q"))
		f.launch(m.kernels.project, gpu.Dim{X: blocks(x.stride(), threads), Y: x.h1}, threads, 0, m.ncf.theirs, m.vt, q, q, uint32(0), uint32(x.d), uint32(x.stride()))
		m.first = m.attend(f, f.zeros(x.d*tile), 1, tile)
	}
	if err := m.stream.Wait(); f.err == nil { // after an error too: nobody else gets memory that queued work writes to
		f.err = err
	}
}

// turnTowers is the towers (channels × d × d) as one matrix d × channels·d, a row for each coordinate that they give.
func turnTowers(w []float32, channels, d int) []float32 {
	out := make([]float32, len(w))
	for c := range channels {
		for j := range d {
			for k := range d {
				out[k*channels*d+c*d+j] = w[(c*d+j)*d+k]
			}
		}
	}
	return out
}

// groupUnits lays the second hidden layer's weights (h2 × h1) out as groups × h1 × units, with zeros for units that are not there.
func groupUnits(a2 []float32, h1, h2 int) []float32 {
	out := make([]float32, round(h2, units)*h1)
	for u := range h2 {
		for k := range h1 {
			out[(u/units*h1+k)*units+u%units] = a2[u*h1+k]
		}
	}
	return out
}

// padUnits adds zeros for units that are not there.
func padUnits(v []float32) []float32 {
	return append(append([]float32(nil), v...), make([]float32, round(len(v), units)-len(v))...)
}

// arguments are the kernels' common ones: the model, and the users of a batch.
func (m *Model) arguments(u *batch) []any {
	x := m.shape
	mine, theirs, weights, lift, out := m.bias, m.bias, m.bias, m.bias, m.bias // what the two-tower's kernels do not read
	if x.ncf {
		mine, theirs, weights, lift, out = u.mine, m.ncf.theirs, m.ncf.weights, m.ncf.lift, m.ncf.units
	}
	return []any{u.query, m.vt, m.bias, mine, theirs, weights, lift, out, uint32(x.d), uint32(x.h1), uint32(x.groups()), uint32(x.n),
		uint32(x.stride()), uint32(u.users), uint32(u.stride)}
}

// Close frees the device's memory. The device stays open.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fixed != nil {
		m.fixed.free()
	}
	for i, p := range m.staged {
		p.Free()
		m.staged[i] = nil
	}
	stream := m.stream
	m.fixed, m.stream = nil, nil
	if stream == nil || m.device.Lost() != nil {
		return nil // what lost the device said so
	}
	return stream.Close()
}
