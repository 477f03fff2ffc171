package hostile

import (
	"crypto/ed25519"
	"fmt"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/protocol"
)

// Puppet is a member that S made up. S knows all its secrets, so that whatever is shared with it is known to S.
type Puppet struct {
	s      *Coordinator
	name   string
	key    ed25519.PrivateKey
	cert   protocol.Cert
	random interface{ Read([]byte) (int, error) }
}

// invent makes up an identity with a certificate by the given authority: E's, where an attack assumes that E was fooled or
// bribed, or any other.
func (s *Coordinator) invent(name string, authority ed25519.PrivateKey) *Puppet {
	key := keyOf(name)
	return &Puppet{s: s, name: name, key: key, cert: s.certOf(key, authority, nil), random: streamOf(name)}
}

// join makes a puppet's secrets and signed keys for a round.
func (p *Puppet) join(r *Round) *Member {
	p.s.t.Helper()
	secrets, err := aggregation.NewSecrets(p.random)
	p.s.must(err)
	pub, err := secrets.Public(r.OpenHash, plain.Kex)
	p.s.must(err)
	m := &Member{Puppet: p, secrets: secrets, Bundle: protocol.KeyBundle{Cert: p.cert, SPK: pub.SPK, EPK: pub.EPK, BC: pub.BC}}
	m.Bundle.Sign(protocol.Signer{Ed: p.key}, r.OpenHash)
	return m
}

// box is what puppet i seals for member j: honest shares, so that the device goes on.
func (v *View) box(i, j int) [80]byte {
	s := v.r.s
	s.t.Helper()
	m := v.Members[i]
	if m.shares == nil {
		m.shares = map[[32]byte][2][]aggregation.Share{}
	}
	neighbours := v.Ring.Neighbours(i)
	cut, ok := m.shares[v.SID]
	if !ok {
		var xs []uint32
		for _, q := range neighbours {
			xs = append(xs, v.Ring.ShareX(q))
		}
		ms, bs, err := m.secrets.Split(v.Degree.T, xs, streamOf(fmt.Sprintf("split %s %x", m.Puppet.name, v.SID)))
		s.must(err)
		cut = [2][]aggregation.Share{ms, bs}
		m.shares[v.SID] = cut
	}
	for at, q := range neighbours {
		if q == j {
			box, _, err := m.secrets.Seal(v.session(), uint32(i), aggregation.PeerKey{Index: uint32(j), EPK: v.Members[j].Bundle.EPK}, cut[0][at], cut[1][at], nil)
			s.must(err)
			return box
		}
	}
	s.t.Fatalf("%d and %d are no neighbours", i, j)
	return [80]byte{}
}
