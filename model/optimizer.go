package model

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Optimizer is the server's half of learning: it turns the noisy mean of clipped updates into a step. Adam with one
// shared second moment a tensor, since a second moment for each coordinate would amplify noise on rare rows. Its state
// belongs to one model version.
type Optimizer struct {
	Rate    float32 // of the first round; it falls to 0 by a cosine over the task's rounds
	Beta1   float32
	Beta2   float32
	Average float32 // weight of the past in the served average of iterates
	// PerCoordinate keeps a second moment for each parameter, as Adam does. It learns faster and is of use only where no noise is
	// (decision 15).
	PerCoordinate bool
	Steps         uint32
	moment        []float32 // first moment, one a parameter
	second        []float64 // second moment, one a tensor or one a parameter
	average       []float32
	master        []float32 // of a model in halves: its parameters before they were rounded; nil for others
}

// moments is how many second moments there are.
func (o *Optimizer) moments(l Layout) int {
	if o.PerCoordinate {
		return l.Size()
	}
	return len(l.Tensors)
}

// DefaultOptimizer is the recipe of a family under noise.
func DefaultOptimizer(family string) (Optimizer, error) {
	switch family {
	case TwoTowerFamily, NCFFamily, SequentialFamily, HybridFamily:
		return Optimizer{Rate: 0.04, Beta1: 0.5, Beta2: 0.99, Average: 0.5}, nil
	}
	return Optimizer{}, fmt.Errorf("model family %q is unknown", family)
}

// Apply takes round number round (from 0) of rounds (0: the rate stays) with the decoded mean of the updates, in which the
// clip-group factors still are. It returns the next model and the average that is offered for serving, and moves the
// optimiser's state to the next model. A model in halves gives models in halves: the state keeps the float32 parameters that they were
// rounded from, so that steps too small for a half add up.
func (o *Optimizer) Apply(s *Snapshot, mean []float32, round, rounds int) (next, serve *Snapshot, err error) {
	n := s.Layout.Size()
	if len(mean) != n || len(s.Params) != n {
		return nil, nil, fmt.Errorf("apply update: %d values for a model of %d", len(mean), n)
	}
	if o.moment == nil {
		o.moment, o.average = make([]float32, n), append([]float32(nil), s.Params...)
		o.second = make([]float64, o.moments(s.Layout))
	}
	if len(o.moment) != n || len(o.average) != n || len(o.second) != o.moments(s.Layout) {
		return nil, nil, fmt.Errorf("apply update: the optimiser's state is another model's")
	}
	if s.Half && o.Steps == 0 {
		o.master = append([]float32(nil), s.Params...)
	}
	if !o.mastered(s) {
		return nil, nil, errors.New("apply update: the optimiser's state is another model's")
	}
	o.Steps++
	rate := float64(o.Rate)
	if rounds > 0 {
		rate *= (1 + math.Cos(math.Pi*float64(min(round, rounds))/float64(rounds))) / 2
	}
	next = &Snapshot{Layout: s.Layout, Params: o.master}
	if !s.Half {
		next.Params = append([]float32(nil), s.Params...)
	}
	at := 0
	for k, t := range s.Layout.Tensors {
		if t.Group == 0 { // frozen
			at += t.Size()
			continue
		}
		second := o.second[k : k+1]
		if o.PerCoordinate {
			second = o.second[at : at+t.Size()]
		}
		o.step(next.Params[at:at+t.Size()], mean[at:at+t.Size()], o.moment[at:at+t.Size()], second, t.Group, rate)
		at += t.Size()
	}
	keep := o.Average
	if o.Steps == 1 {
		keep = 0 // the start is no iterate
	}
	if name := s.Layout.NotFinite(next.Params); name != "" {
		return nil, nil, fmt.Errorf("apply update: a parameter of tensor %s is not finite any more", name)
	}
	at = 0
	for _, t := range s.Layout.Tensors {
		for i := at; i < at+t.Size() && t.Group != 0; i++ {
			o.average[i] = keep*o.average[i] + (1-keep)*next.Params[i]
		}
		at += t.Size()
	}
	serve = &Snapshot{Layout: s.Layout, Params: append([]float32(nil), o.average...)}
	if s.Half {
		if next, err = next.InHalves(); err == nil {
			serve, err = serve.InHalves()
		}
		if err != nil {
			return nil, nil, fmt.Errorf("apply update: %w", err)
		}
	}
	return next, serve, nil
}

// mastered says whether the master is there exactly for a model in halves, and rounds to it.
func (o *Optimizer) mastered(s *Snapshot) bool {
	if !s.Half {
		return o.master == nil
	}
	if len(o.master) != len(s.Params) {
		return false
	}
	for i, v := range o.master {
		h, _ := toHalf(v)
		if f, _ := fromHalf(h); f != s.Params[i] {
			return false
		}
	}
	return true
}

// step moves one tensor, whose place is at.
func (o *Optimizer) step(params, mean, moment []float32, second []float64, group float32, rate float64) {
	first := 1 - math.Pow(float64(o.Beta1), float64(o.Steps))
	later := 1 - math.Pow(float64(o.Beta2), float64(o.Steps))
	keep := float64(o.Beta2)
	if o.PerCoordinate {
		for i, g := range mean {
			g /= group
			moment[i] = o.Beta1*moment[i] + (1-o.Beta1)*g
			second[i] = keep*second[i] + (1-keep)*float64(g)*float64(g)
			params[i] += float32(rate / first * float64(moment[i]) / (math.Sqrt(second[i]/later) + 1e-12))
		}
		return
	}
	var square float64
	for i, g := range mean {
		g /= group
		moment[i] = o.Beta1*moment[i] + (1-o.Beta1)*g
		square += float64(g) * float64(g)
	}
	second[0] = keep*second[0] + (1-keep)*square/float64(len(mean))
	scale := float32(rate / first / (math.Sqrt(second[0]/later) + 1e-12))
	for i := range params {
		params[i] += scale * moment[i]
	}
}

// Encode gives the state's bytes: version u8 2, u8 of flags (1 if second moments are one a parameter, and 2 if there is a master), rate,
// beta1, beta2, average f32, steps u32, u32 parameters, u32 second moments, moments f32, second moments f64, averages f32, master f32;
// all big-endian.
func (o *Optimizer) Encode() []byte {
	b := []byte{2, 0}
	if o.PerCoordinate {
		b[1] = flagPerCoordinate
	}
	if o.master != nil {
		b[1] |= flagMaster
	}
	for _, v := range []float32{o.Rate, o.Beta1, o.Beta2, o.Average} {
		b = binary.BigEndian.AppendUint32(b, math.Float32bits(v))
	}
	for _, v := range []int{int(o.Steps), len(o.moment), len(o.second)} {
		b = binary.BigEndian.AppendUint32(b, uint32(v))
	}
	for _, v := range o.moment {
		b = binary.BigEndian.AppendUint32(b, math.Float32bits(v))
	}
	for _, v := range o.second {
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(v))
	}
	for _, v := range o.average {
		b = binary.BigEndian.AppendUint32(b, math.Float32bits(v))
	}
	for _, v := range o.master {
		b = binary.BigEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// Flags of an encoded state.
const (
	flagPerCoordinate = 1
	flagMaster        = 2
)

// ParseOptimizer reads what Encode wrote, strictly.
func ParseOptimizer(b []byte) (*Optimizer, error) {
	const head = 2 + 16 + 12
	if len(b) < head || b[0] != 2 || b[1] > flagPerCoordinate|flagMaster {
		return nil, fmt.Errorf("optimiser state: %d bytes of version 2 are wanted at least", head)
	}
	f32 := func(at int) float32 { return math.Float32frombits(binary.BigEndian.Uint32(b[at:])) }
	o := &Optimizer{Rate: f32(2), Beta1: f32(6), Beta2: f32(10), Average: f32(14), PerCoordinate: b[1]&flagPerCoordinate != 0, Steps: binary.BigEndian.Uint32(b[18:])}
	n, k := uint64(binary.BigEndian.Uint32(b[22:])), uint64(binary.BigEndian.Uint32(b[26:]))
	each := uint64(8) // moment and average
	if b[1]&flagMaster != 0 {
		each += 4
	}
	if n > MaxParams || k > maxTensors && !(o.PerCoordinate && k == n) || uint64(len(b)) != head+each*n+8*k {
		return nil, fmt.Errorf("optimiser state: %d bytes for %d parameters and %d second moments", len(b), n, k)
	}
	if n == 0 && k != 0 || o.PerCoordinate && k != n {
		return nil, fmt.Errorf("optimiser state: %d second moments for %d parameters", k, n)
	}
	if n == 0 && each > 8 {
		return nil, errors.New("optimiser state: a master without parameters")
	}
	if n == 0 {
		return o, o.check()
	}
	at := head
	o.moment, o.second, o.average = make([]float32, n), make([]float64, k), make([]float32, n)
	for i := range o.moment {
		o.moment[i] = f32(at + 4*i)
	}
	at += 4 * int(n)
	for i := range o.second {
		o.second[i] = math.Float64frombits(binary.BigEndian.Uint64(b[at+8*i:]))
	}
	at += 8 * int(k)
	for i := range o.average {
		o.average[i] = f32(at + 4*i)
	}
	if at += 4 * int(n); at < len(b) {
		o.master = make([]float32, n)
		for i := range o.master {
			o.master[i] = f32(at + 4*i)
		}
	}
	return o, o.check()
}

// check refuses a state that Apply cannot have left.
func (o *Optimizer) check() error {
	for _, v := range []float32{o.Rate, o.Beta1, o.Beta2, o.Average} {
		if !(v >= 0 && v <= 1) {
			return fmt.Errorf("optimiser state: a rate or weight is %v, want 0 to 1", v)
		}
	}
	if i := max(finite(o.moment), finite(o.average), finite(o.master)); i >= 0 {
		return fmt.Errorf("optimiser state: value %d is not finite", i)
	}
	for i, v := range o.second {
		if !(v >= 0) || math.IsInf(v, 1) {
			return fmt.Errorf("optimiser state: second moment %d is %v, want a positive number", i, v)
		}
	}
	return nil
}
