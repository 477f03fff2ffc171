package masks

import (
	"encoding/binary"
	"errors"
	"sync"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/kernels"
)

// What lies in the staged keys, on the host and on the device: 32 bytes of key a term, then a sign of four, then the items' counter.
const (
	keyBytes  = 32
	signBytes = 4
	signsAt   = batchTerms * keyBytes
	counterAt = signsAt + batchTerms*signBytes
	stagedLen = counterAt + 4
)

// lane is one device's share of the work.
type lane struct {
	device *gpu.Device
	module *gpu.Module

	mu     sync.Mutex // of what follows
	stream *gpu.Stream
	staged *gpu.Pinned
	ready  map[string]*gpu.Function
	held   map[string]error // by kernel: what came of holding it against the CPU
}

func newLane(d *gpu.Device) (*lane, error) {
	l := &lane{device: d, ready: map[string]*gpu.Function{}, held: map[string]error{}}
	var err error
	if l.module, err = d.Load(kernels.Masks); err != nil {
		return nil, err
	}
	if l.stream, err = d.Stream(); err == nil {
		l.staged, err = d.Pinned(counterAt)
	}
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *lane) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.device.Lost() != nil {
		return nil // there is nothing left to free
	}
	l.staged.Free()
	var errs []error
	if l.stream != nil {
		errs = append(errs, l.stream.Close())
	}
	return errors.Join(append(errs, l.module.Unload())...)
}

// function finds a kernel, with leave to use its shared memory.
func (l *lane) function(k kernel) (*gpu.Function, error) {
	if f := l.ready[k.name]; f != nil {
		return f, nil
	}
	f, err := l.module.Function(k.name)
	if err == nil {
		err = f.Shared(k.shared)
	}
	if err != nil {
		return nil, err
	}
	l.ready[k.name] = f
	return f, nil
}

// expand writes the sum of all masks to dst. Before a kernel's first sum its answer to a small one is held against the CPU's: a device, or the
// compiler of its driver, that is wrong is found here by its name, and the milliseconds are spent for the suites in use alone.
func (l *lane) expand(dst []uint32, shape aggregation.Shape, terms []aggregation.Term) error {
	if len(dst) == 0 || len(terms) == 0 {
		clear(dst)
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	name := kernelOf(shape).name
	if _, ok := l.held[name]; !ok {
		err := holdAgainstCPU(shape, l.add)
		if err != nil && !errors.Is(err, errWrong) {
			return err // no answer is none about the kernel
		}
		l.held[name] = err
	}
	if err := l.held[name]; err != nil {
		return err
	}
	return l.add(dst, shape, terms)
}

// add is expand on a device that is held, in pieces where it has no room for all of the sum.
func (l *lane) add(dst []uint32, shape aggregation.Shape, terms []aggregation.Term) error {
	k := kernelOf(shape)
	f, err := l.function(k)
	if err != nil {
		return err
	}
	keys, err := l.device.Alloc(stagedLen)
	if err != nil {
		return err
	}
	defer keys.Free()
	sum, words, err := l.room(len(dst))
	if err != nil {
		return err
	}
	defer sum.Free()
	run := launch{lane: l, kernel: k, function: f, width: int(shape.WordBits / 8), keys: keys, sum: sum}
	for from := 0; from < len(dst) && err == nil; from += words {
		err = run.piece(dst[from:min(from+words, len(dst))], from, terms)
	}
	return errors.Join(err, l.wipe(keys, min(len(terms), batchTerms)))
}

// room takes memory for as many words of the sum as there is room for.
func (l *lane) room(words int) (*gpu.Buffer, int, error) {
	for {
		b, err := l.device.Alloc(4 * words)
		if !errors.Is(err, gpu.ErrMemory) || half(words) == 0 {
			return b, words, err
		}
		words = half(words)
	}
}

// wipe zeroes the first keys, all that there were. The host's come last: a copy may still read them. A lost device's go with its context,
// and whoever lost it has said why.
func (l *lane) wipe(keys *gpu.Buffer, n int) error {
	defer clear(l.staged.Bytes()[:n*keyBytes])
	if l.device.Lost() != nil {
		return nil
	}
	return errors.Join(l.stream.Zero(keys, 0, n*keyBytes), l.stream.Wait())
}

// launch is what the launches of one call have in common.
type launch struct {
	*lane
	kernel    kernel
	function  *gpu.Function
	width     int // bytes of a word
	keys, sum *gpu.Buffer
}

// piece expands the words of a piece that begins at word from, a multiple of pieceWords.
func (r launch) piece(dst []uint32, from int, terms []aggregation.Term) error {
	if err := r.stream.Zero(r.sum, 0, 4*len(dst)); err != nil {
		return err
	}
	most := launchTerms(len(dst) * r.width)
	for len(terms) > 0 {
		batch := terms[:min(most, len(terms))]
		terms = terms[len(batch):]
		if err := r.batch(len(dst), from, batch); err != nil {
			return err
		}
	}
	return aggregation.Fill(dst, func(b []byte) error { return r.stream.Download(b, r.sum, 0) }) // which waits
}

// batch adds the masks of a few terms to the sum on the device.
func (r launch) batch(words, from int, terms []aggregation.Term) error {
	r.stage(terms)
	staged, n := r.staged.Bytes(), len(terms)
	processors := r.device.Info().Processors
	per := r.kernel.perItem(words*r.width, n, processors*r.kernel.blocks*r.kernel.threads/32)
	err := r.stream.Upload(r.keys, 0, staged[:n*keyBytes])
	if err == nil {
		err = r.stream.Upload(r.keys, signsAt, staged[signsAt:signsAt+n*signBytes])
	}
	if err == nil {
		err = r.stream.Zero(r.keys, counterAt, 4)
	}
	if err == nil {
		err = r.stream.Launch(r.function, gpu.Dim{X: processors * r.kernel.blocks}, gpu.Dim{X: r.kernel.threads}, r.kernel.shared,
			r.sum, r.keys, gpu.At{Buffer: r.keys, Off: signsAt}, gpu.At{Buffer: r.keys, Off: counterAt},
			uint32(n), uint32(per), uint32(from*r.width/r.kernel.block), uint32(words))
	}
	if err != nil {
		return err
	}
	return r.stream.Wait() // the next terms take the place of these
}

// stage writes the terms where the device reads them.
func (r launch) stage(terms []aggregation.Term) {
	staged := r.staged.Bytes()
	for i := range terms {
		copy(staged[i*keyBytes:], terms[i].Key[:])
		sign := uint32(1)
		if terms[i].Negative {
			sign = ^uint32(0)
		}
		binary.LittleEndian.PutUint32(staged[signsAt+i*signBytes:], sign)
	}
}
