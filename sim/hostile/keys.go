package hostile

import (
	"bytes"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/protocol"
)

const victim = 5 // whose keys are exchanged; device 0 is asked to believe it

func attacksOnKeys() []Attack {
	// exchanged logs a roster in which one bundle is altered, so that the root fits.
	exchanged := func(why participant.Refusal, change func(s *Coordinator, r *Round, k *protocol.KeyBundle)) func(x *Try) {
		return func(x *Try) {
			s := NewCoordinator(x, x.Scene(8))
			r := s.offered()
			members := r.Everyone()
			own := members[victim].Bundle
			change(s, r, &members[victim].Bundle)
			v := r.Freeze(s.Log, members, nil)
			for _, d := range s.Devices {
				v.Keys(d, nil)
			}
			x.Refuses(why, s.Devices[0])
			x.Refuses(participant.F07BadKey, s.Devices[victim]) // its own entry was altered
			if bytes.Equal(own.Bytes(), v.Members[victim].Bundle.Bytes()) {
				x.Error("nothing was exchanged")
			}
			x.Unmasks(v)
		}
	}
	// shown sends one device another bundle than the root covers.
	shown := func(change func(k *protocol.KeyBundle)) func(x *Try) {
		return func(x *Try) {
			s := NewCoordinator(x, x.Scene(8))
			r := s.offered()
			v := r.Freeze(s.Log, r.Everyone(), nil)
			for _, d := range s.Devices[1:] {
				v.Keys(d, nil)
			}
			v.Keys(s.Devices[0], func(m *protocol.Roster) { change(&m.Peers[3].Key) })
			x.Refuses(participant.F07BadKey, s.Devices[0])
			for _, d := range s.Devices[1:] {
				v.Deliver(d, nil, nil)
			}
			x.Unmasks(v) // the others uploaded without it, and nobody was asked to reveal
		}
	}
	own := func(s *Coordinator) *Puppet { return s.invent("the coordinator's own", s.authority) }
	return []Attack{{ID: "A01", What: "own keys in place of a neighbour's", Rule: "F06, F07, roster_root in the log", Cases: []Case{
		{Name: "mask key, signature left", Play: exchanged(participant.F07BadKey, func(s *Coordinator, r *Round, k *protocol.KeyBundle) { k.SPK = own(s).join(r).Bundle.SPK })},
		{Name: "sharing key, signature left", Play: exchanged(participant.F07BadKey, func(s *Coordinator, r *Round, k *protocol.KeyBundle) { k.EPK = own(s).join(r).Bundle.EPK })},
		{Name: "commitment, signature left", Play: exchanged(participant.F07BadKey, func(s *Coordinator, r *Round, k *protocol.KeyBundle) { k.BC[0] ^= 1 })},
		{Name: "both keys, signed by the coordinator's key", Play: exchanged(participant.F07BadKey, func(s *Coordinator, r *Round, k *protocol.KeyBundle) {
			b := own(s).join(r).Bundle
			k.SPK, k.EPK, k.BC = b.SPK, b.EPK, b.BC
			k.Sign(protocol.Signer{Ed: s.key}, r.OpenHash)
		})},
		{Name: "a certificate by another authority", Play: exchanged(participant.F06BadCertificate, func(s *Coordinator, r *Round, k *protocol.KeyBundle) {
			*k = s.invent("forged", keyOf("forger")).join(r).Bundle
		})},
		{Name: "a certificate of another class", Play: exchanged(participant.F06BadCertificate, func(s *Coordinator, r *Round, k *protocol.KeyBundle) {
			p := own(s)
			p.cert = s.certOf(p.key, s.authority, func(c *protocol.Cert) { c.Class = protocol.ClassCoordinator })
			*k = p.join(r).Bundle
		})},
		{Name: "an expired certificate", Play: exchanged(participant.F06BadCertificate, func(s *Coordinator, r *Round, k *protocol.KeyBundle) {
			p := own(s)
			p.cert = s.certOf(p.key, s.authority, func(c *protocol.Cert) { c.NotAfter = r.Open.OpenedAt - 1 })
			*k = p.join(r).Bundle
		})},
		{Name: "another's key twice", Play: exchanged(participant.F07BadKey, func(s *Coordinator, r *Round, k *protocol.KeyBundle) {
			p := own(s)
			b := p.join(r).Bundle
			other, _ := r.Advertised(s.Devices[1])
			b.SPK = other.Bundle.SPK
			b.Sign(protocol.Signer{Ed: p.key}, r.OpenHash)
			*k = b
		})},
		{Name: "a key of low order", Play: exchanged(participant.F07BadKey, func(s *Coordinator, r *Round, k *protocol.KeyBundle) {
			p := own(s)
			b := p.join(r).Bundle
			b.EPK = [32]byte{1}
			b.Sign(protocol.Signer{Ed: p.key}, r.OpenHash)
			*k = b
		})},
		{Name: "shown to one device only: mask key", Play: shown(func(k *protocol.KeyBundle) { k.SPK[0] ^= 1 })},
		{Name: "shown to one device only: sharing key", Play: shown(func(k *protocol.KeyBundle) { k.EPK[0] ^= 1 })},
		{Name: "shown to one device only: certificate", Play: shown(func(k *protocol.KeyBundle) { k.Cert.Serial[0] ^= 1 })},
	}}}
}
