package hostile

import (
	"slices"

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
	return []Attack{{ID: "A15", What: "bad shares, bad ciphertexts, duplicate share ids", Rule: "checks of 10.4, F09, F15; a member is named and left out", Cases: []Case{
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
	}}}
}
