package hostile

import (
	"fmt"
	"slices"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/protocol"
)

// Unmasker is everything a coordinator can work out about one roster from what devices said to it and what its own members
// hold: shares, secrets rebuilt from them, masks that follow, and so which sums of masked vectors come free of masks.
type Unmasker struct {
	v     *View
	given map[kindOf]map[uint32]aggregation.Share // shares by secret, and in that by the holder's x
	b, m  map[int][32]byte                        // secrets that S knows, each checked against what its owner signed
	y     map[int][]byte                          // devices' uploaded vectors
	with  map[int]map[int]bool                    // whom each of those devices masked with
}

// kindOf names one secret: m or b of a member.
type kindOf struct {
	member int
	self   bool // b, of the self mask; else m, of the pair masks
}

// Unmask collects.
func Unmask(v *View) *Unmasker {
	u := &Unmasker{v: v, given: map[kindOf]map[uint32]aggregation.Share{}, b: map[int][32]byte{}, m: map[int][32]byte{}, y: map[int][]byte{}, with: map[int]map[int]bool{}}
	for i, m := range v.Members {
		if m.Puppet != nil {
			u.own(i, m)
			continue
		}
		u.hear(i, m.Device)
	}
	u.open()
	u.rebuild()
	return u
}

// own takes a puppet's secrets, which S made. One share of a polynomial without further coefficients is the secret.
func (u *Unmasker) own(i int, m *Member) {
	s := u.v.r.s
	ms, bs, err := m.secrets.Split(1, []uint32{1}, streamOf("none"))
	s.must(err)
	u.m[i], u.b[i] = ms[0], bs[0]
}

// hear takes what a device said in this session.
func (u *Unmasker) hear(i int, d *Device) {
	if y := d.uploaded(u.v.SID); y != nil {
		u.y[i], u.with[i] = y, map[int]bool{}
		for _, h := range said[*protocol.Input](d) {
			if h.SID != u.v.SID {
				continue
			}
			for at, j := range u.v.Ring.Neighbours(i) {
				if h.MaskedWith[at/8]&(1<<(at%8)) != 0 {
					u.with[i][j] = true
				}
			}
		}
	}
	for _, r := range said[*protocol.Reveal](d) {
		if r.SID != u.v.SID {
			continue
		}
		for _, p := range r.SelfShares {
			u.give(kindOf{int(p.Index), true}, i, p.Share)
		}
		for _, p := range r.PairShares {
			u.give(kindOf{int(p.Index), false}, i, p.Share)
		}
		if r.HasOwn == 1 {
			u.learn(kindOf{i, true}, r.OwnB)
		}
	}
}

// give takes one share of a secret from its holder.
func (u *Unmasker) give(k kindOf, holder int, share [32]byte) {
	if u.given[k] == nil {
		u.given[k] = map[uint32]aggregation.Share{}
	}
	u.given[k][u.v.Ring.ShareX(holder)] = share
}

// open takes what devices sealed for puppets.
func (u *Unmasker) open() {
	v := u.v
	for i, m := range v.Members {
		if m.Device == nil || v.Ring == nil {
			continue
		}
		for _, j := range v.Ring.Neighbours(i) {
			box, ok := v.sealed(i, j)
			if !ok || v.Members[j].Puppet == nil {
				continue
			}
			ms, bs, err := v.Members[j].secrets.Open(v.session(), uint32(j), aggregation.PeerKey{Index: uint32(i), EPK: m.Bundle.EPK}, box, nil)
			if err != nil {
				continue
			}
			u.give(kindOf{i, false}, j, ms)
			u.give(kindOf{i, true}, j, bs)
		}
	}
}

// rebuild interpolates wherever t shares came together.
func (u *Unmasker) rebuild() {
	for k, held := range u.given {
		if len(held) < u.v.Degree.T {
			continue
		}
		var xs []uint32
		var shares []aggregation.Share
		for x, s := range held {
			xs, shares = append(xs, x), append(shares, s)
		}
		if secret, err := aggregation.Recover(u.v.Degree.T, xs, shares); err == nil {
			u.learn(k, secret)
		}
	}
}

// learn keeps a secret that is the one its owner signed for.
func (u *Unmasker) learn(k kindOf, secret [32]byte) {
	key := u.v.Members[k.member].Bundle
	if k.self && aggregation.CheckB(secret, u.v.r.OpenHash, key.BC) {
		u.b[k.member] = secret
	}
	if !k.self && aggregation.CheckM(plain.Kex, secret, u.v.r.OpenHash, key.SPK, nil) {
		u.m[k.member] = secret
	}
}

// Parts are the smallest sets of devices whose vectors' sum comes free of every mask. A pair mask that S cannot derive goes
// only where both ends are in the sum; a self mask, only where S knows b. So the parts are those components of the graph of
// underivable pair masks in which every device uploaded and every b is known.
func (u *Unmasker) Parts() [][]int {
	var out [][]int
	seen := map[int]bool{}
	for i := range u.v.Members {
		if u.y[i] == nil || seen[i] {
			continue
		}
		part, free := []int{i}, true
		seen[i] = true
		for at := 0; at < len(part); at++ {
			_, known := u.b[part[at]]
			free = free && known
			for j := range u.with[part[at]] {
				if u.derivable(part[at], j) {
					continue
				}
				if u.y[j] == nil || !u.with[j][part[at]] {
					free = false // a mask that nothing takes off
					continue
				}
				if !seen[j] {
					seen[j] = true
					part = append(part, j)
				}
			}
		}
		if free {
			slices.Sort(part)
			out = append(out, part)
		}
	}
	return out
}

// derivable reports whether S can compute the mask of a pair: it knows one end's m.
func (u *Unmasker) derivable(i, j int) bool {
	_, one := u.m[i]
	_, other := u.m[j]
	return one || other
}

// Remove sums the vectors of these members and takes off every mask that S can derive.
func (u *Unmasker) Remove(part []int) []uint32 {
	s := u.v.r.s
	acc := aggregation.NewAccumulator(plain.Shape(s.Scene.D))
	for _, i := range part {
		s.must(acc.AddVector(u.y[i]))
		s.must(acc.AddMasks(u.terms(i, part)))
	}
	return acc.Sum()
}

// terms are the masks of member i that S can derive, with the sign that takes them off. One between two members of the part
// cancels by itself, unless only one of them masked.
func (u *Unmasker) terms(i int, part []int) []aggregation.Term {
	v := u.v
	var out []aggregation.Term
	if b, ok := u.b[i]; ok {
		out = append(out, selfTerm(b, v.SID))
	}
	for j := range u.with[i] {
		from, to := j, i
		m, ok := u.m[j]
		if !ok {
			from, to = i, j
			m, ok = u.m[i]
		}
		if !ok {
			continue
		}
		t, err := pairTerm(m, v.r.OpenHash, v.SID, from, to, v.Members[to].Bundle)
		v.r.s.must(err)
		t.Negative = j > i // i added it for a greater j
		out = append(out, t)
	}
	return out
}

// Truth is the sum of what these devices noised, which only they know.
func (u *Unmasker) Truth(part []int) []uint32 {
	sum := make([]uint32, u.v.r.s.Scene.D)
	for _, i := range part {
		aggregation.Add(sum, u.v.Members[i].Device.Truth[u.v.SID])
	}
	return sum
}

// Check holds what S can unmask against what the rules permit: exactly these sets of devices, each as a whole. Every claim is
// tried out: what is free of masks equals the truth, and what is not is noise to S.
func (u *Unmasker) Check(permitted ...[]int) error {
	parts := u.Parts()
	if fmt.Sprint(parts) != fmt.Sprint(permitted) {
		return fmt.Errorf("the coordinator can unmask the sums of %v, the rules permit %v", parts, permitted)
	}
	free := map[int]bool{}
	for _, p := range parts {
		if !slices.Equal(u.Remove(p), u.Truth(p)) {
			return fmt.Errorf("the sum of %v should be free of masks, and is not", p)
		}
		for _, i := range p {
			free[i] = true
		}
		if len(p) > 1 {
			for _, i := range p {
				if err := u.noise([]int{i}); err != nil {
					return err
				}
			}
		}
	}
	var rest []int
	for i := range u.y {
		if !free[i] {
			rest = append(rest, i)
			if err := u.noise([]int{i}); err != nil {
				return err
			}
		}
	}
	if len(rest) > 0 {
		return u.noise(rest)
	}
	return nil
}

// noise wants what is left of a sum to look like nothing but mask.
func (u *Unmasker) noise(part []int) error {
	left := u.Remove(part)
	aggregation.Sub(left, u.Truth(part))
	if err := uniform(left); err != nil {
		return fmt.Errorf("the sum of %v less what S can derive: %w", part, err)
	}
	return nil
}
