package hostile

import (
	"bytes"
	"slices"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/protocol"
)

func attacksWithBytes() []Attack {
	delivery := func(why participant.Refusal, change func(*protocol.Delivery)) func(x *Try) {
		return func(x *Try) {
			s := NewCoordinator(x, x.Scene(8))
			v := s.shared()
			v.Deliver(s.Devices[0], nil, change)
			x.Refuses(why, s.Devices[0])
			if s.Devices[0].uploaded(v.SID) != nil || len(s.Devices[0].entries) > 0 {
				x.Error("the vector left, or was charged for")
			}
			x.Unmasks(v)
		}
	}
	return []Attack{{ID: "A15", What: "bad shares, bad ciphertexts, duplicate share ids", Rule: "checks of 10.4, F09, F15; a member is named and left out", Cases: append(ciphertextCases(), []Case{
		{Name: "one box for all places", Play: delivery(participant.F09TooFew, func(m *protocol.Delivery) {
			for i := range m.Sealed {
				m.Sealed[i] = m.Sealed[0]
			}
		})},
		{Name: "boxes in another order", Play: delivery(participant.F09TooFew, func(m *protocol.Delivery) { slices.Reverse(m.Sealed); m.Sealed[3][0] ^= 1 })},
		{Name: "more boxes than places", Play: delivery(participant.F15Malformed, func(m *protocol.Delivery) { m.Sealed = append(m.Sealed, m.Sealed[0]) })},
		{Name: "fewer boxes than bits", Play: delivery(participant.F15Malformed, func(m *protocol.Delivery) { m.Sealed = m.Sealed[1:] })},
		{Name: "bits beyond the neighbours", Play: delivery(participant.F15Malformed, func(m *protocol.Delivery) { m.Present[0] |= 0x80 })},
		{Name: "no bitmap", Play: delivery(participant.F15Malformed, func(m *protocol.Delivery) { m.Present = nil })},
		{Name: "one spoiled box is named, and its sender cannot be in the set", Play: func(x *Try) {
			s := NewCoordinator(x, x.Scene(10))
			v := s.shared()
			for _, d := range s.Devices {
				v.Deliver(d, nil, func(m *protocol.Delivery) {
					if d != s.Devices[0] {
						return
					}
					at := slices.Index(v.Ring.Neighbours(0), 4)
					m.Sealed[at][5] ^= 1
				})
			}
			h, ok := last[*protocol.Input](s.Devices[0])
			if !ok || !slices.Equal(h.Failed, []uint32{4}) {
				x.Fatalf("the header is %+v", h)
			}
			set := v.Seals(everyone, nil)
			v.askAll(set)
			x.Refuses(participant.F13SurvivorsLie, s.Devices[0])
			x.Unmasks(v) // 0's vector still holds nine masks; the others' sum holds theirs with 0
		}},
	}...)}}
}

// ciphertextCases are about X-Wing (kex 2).
func ciphertextCases() []Case {
	scene := func(x *Try) Scene {
		sc := x.Scene(6)
		sc.Kex, sc.NMin = aggregation.KexXWing, 5
		return sc
	}
	delivery := func(why participant.Refusal, change func(*protocol.Delivery)) func(x *Try) {
		return func(x *Try) {
			s := NewCoordinator(x, scene(x))
			v := s.shared()
			v.Deliver(s.Devices[3], nil, change)
			x.Refuses(why, s.Devices[3])
			x.Unmasks(v)
		}
	}
	roster := func(change func(k *protocol.KeyBundle)) func(x *Try) {
		return func(x *Try) {
			s := NewCoordinator(x, scene(x))
			r := s.offered()
			members := r.Everyone()
			change(&members[4].Bundle)
			members[4].Bundle.Sign(protocol.Signer{Ed: s.Devices[4].cfg.Key}, r.OpenHash) // as a member that works with S would
			v := r.Freeze(s.Log, members, nil)
			v.Keys(s.Devices[0], nil)
			x.Refuses(participant.F07BadKey, s.Devices[0])
		}
	}
	return []Case{
		{Name: "a whole round with X-Wing", Play: func(x *Try) {
			s := NewCoordinator(x, scene(x))
			v, set := s.answered(everyone)
			v.Closes(set)
			x.Accepts(s.Devices...)
			x.Unmasks(v, upTo(6))
		}},
		{Name: "spoiled ciphertexts of shares", Play: delivery(participant.F09TooFew, func(m *protocol.Delivery) {
			for i := range m.ShareCTs {
				m.ShareCTs[i][7] ^= 1
			}
		})},
		{Name: "ciphertexts of shares in another order", Play: delivery(participant.F09TooFew, func(m *protocol.Delivery) { slices.Reverse(m.ShareCTs) })},
		{Name: "a ciphertext of shares is missing", Play: delivery(participant.F15Malformed, func(m *protocol.Delivery) { m.ShareCTs = m.ShareCTs[1:] })},
		{Name: "a ciphertext of a mask is missing", Play: delivery(participant.F15Malformed, func(m *protocol.Delivery) { m.MaskCTs = m.MaskCTs[1:] })},
		{Name: "no ciphertexts at all", Play: delivery(participant.F15Malformed, func(m *protocol.Delivery) { m.ShareCTs, m.MaskCTs = nil, nil })},
		{Name: "no X-Wing keys", Play: roster(func(k *protocol.KeyBundle) { k.KEM = nil })},
		{Name: "X-Wing keys that are none", Play: roster(func(k *protocol.KeyBundle) { k.KEM = bytes.Repeat([]byte{0xff}, len(k.KEM)) })},
		{Name: "another ciphertext of a mask", Play: spoiledMask},
	}
}

// spoiledMask gives device 3 another ciphertext than the one that its first lower neighbour bound to its box. The box does not open, so
// device 3 does not mask with it, and does not answer for a set that holds both.
func spoiledMask(x *Try) {
	sc := x.Scene(6)
	sc.Kex, sc.NMin = aggregation.KexXWing, 5
	s := NewCoordinator(x, sc)
	v := s.shared()
	for i, d := range s.Devices {
		v.Deliver(d, nil, func(m *protocol.Delivery) {
			if i == 3 {
				m.MaskCTs[0][9] ^= 1
			}
		})
	}
	v.askAll(v.Seals(everyone, nil))
	x.Refuses(participant.F13SurvivorsLie, s.Devices[3])
	x.Unmasks(v)
}
