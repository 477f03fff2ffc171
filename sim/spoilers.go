package sim

import (
	"bytes"
	"slices"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/protocol"
)

// Two lies that one member alone can spoil a whole round with.

// hidden is what a liar needs of its machine to seal boxes of its own.
type hidden struct {
	roster  *protocol.Roster
	secrets *aggregation.Secrets
}

// tooFew seals good boxes for one neighbour less than could rebuild its secrets, and then sends no vector.
func tooFew(d *device, m protocol.Message) []protocol.Message {
	switch m := m.(type) {
	case *protocol.Shares:
		for i := range len(m.Sealed) - int(d.w.oracle.roster.T) + 1 {
			m.Sealed[i][5] ^= 1
		}
		d.signShares(m)
		return []protocol.Message{m}
	case *protocol.Input:
		return []protocol.Message{}
	}
	return nil
}

// wrongCiphertext makes the ciphertext for its mask with one neighbour from other coins, seals a box that opens beside it, and then
// sends no vector. A member whose index is the greatest makes none.
func wrongCiphertext(d *device, m protocol.Message) []protocol.Message {
	switch m := m.(type) {
	case *protocol.Advertise:
		d.overhear(m)
	case *protocol.Shares:
		if len(m.MaskCTs) > 0 {
			d.bind(m)
			d.signShares(m)
			return []protocol.Message{m}
		}
	case *protocol.Input:
		return []protocol.Message{}
	}
	return nil
}

// overhear makes the secrets again from what the machine has just read from its source of randomness, unless it only repeats itself.
func (d *device) overhear(m *protocol.Advertise) {
	all := bytes.Join(d.random.reads, nil)
	for from := range d.random.reads {
		read := len(bytes.Join(d.random.reads[:from], nil))
		secrets, err := aggregation.NewSecrets(bytes.NewReader(all[read:]))
		if err != nil {
			continue
		}
		if pub, err := secrets.Public(m.OpenHash, d.w.cfg.Suite.Kex); err == nil && pub.SPK == m.Key.SPK && pub.EPK == m.Key.EPK {
			d.hidden.secrets = secrets
		}
	}
}

// bind replaces the first ciphertext for a mask, and the box beside it.
func (d *device) bind(m *protocol.Shares) {
	in := aggregation.Session{Suite: d.w.cfg.Suite, OpenHash: d.hidden.roster.OpenHash, SID: m.SID}
	own, peers := d.hidden.roster.Index, d.hidden.roster.Peers[1:]
	at := slices.IndexFunc(peers, func(p protocol.PeerKeys) bool { return p.Index > own })
	key := peers[at].Key
	peer := aggregation.PeerKey{Index: peers[at].Index, SPK: key.SPK, EPK: key.EPK, KEM: key.KEM}
	other := in
	other.SID[0] ^= 1 // and so other coins
	var err error
	if peer.MaskCT, err = d.hidden.secrets.MaskCT(other, own, peer); err != nil {
		panic("sim: " + err.Error())
	}
	share := aggregation.Share{1}
	box, ct, err := d.hidden.secrets.Seal(in, own, peer, share, share, d.w.stream("lie", d.i))
	if err != nil {
		panic("sim: " + err.Error())
	}
	m.MaskCTs[0], m.Sealed[at], m.ShareCTs[at] = [protocol.CiphertextSize]byte(peer.MaskCT), box, [protocol.CiphertextSize]byte(ct)
}

// victims are the places among the neighbours of those with whom this liar quarrels each time: the devices after the first,
// Config.Victims of them, or one. It waits until all are there.
func (d *device) victims() []int {
	var out []int
	want := max(1, d.w.cfg.Victims)
	for at, p := range d.hidden.roster.Peers[1:] {
		if v := d.w.byID[p.Key.Cert.IDPK]; v != nil && v.i >= 1 && v.i <= want {
			out = append(out, at)
		}
	}
	if len(out) < want {
		return nil
	}
	return out
}

// aboutVictims complains about victims. It is told to the liar's own machine, which then masks without them, as an honest one would that
// was given boxes that do not open: a vector that does not fit its header would be nonsense, which no rule can see.
const aboutVictims Lie = "complaints about its victims"

// mishear gives a liar's machine the victims' boxes as if they had been spoiled.
func (d *device) mishear(m protocol.Message) protocol.Message {
	got, ok := m.(*protocol.Delivery)
	if !ok || d.i >= d.w.cfg.Liars || !slices.Contains(d.w.cfg.Lies, aboutVictims) {
		return m
	}
	got = again(got).(*protocol.Delivery)
	for _, at := range d.victims() {
		if got.Present[at/8]&(1<<(at%8)) == 0 {
			continue
		}
		box := 0
		for before := range at {
			box += int(got.Present[before/8] >> (before % 8) & 1)
		}
		got.Sealed[box][5] ^= 1
	}
	return got
}

// spite spoils the victims' boxes, so that they accuse it.
func spite(d *device, m *protocol.Shares) {
	for _, at := range d.victims() {
		m.Sealed[at][5] ^= 1
	}
}
