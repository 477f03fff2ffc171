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
