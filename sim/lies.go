package sim

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"github.com/cinesync/cinesync/protocol"
)

// A liar is a device whose owner changed what it sends. It signs its lies with its own key, as it could: only what others
// signed is beyond it. The machine behind it is honest, so that the oracle knows what the truth was.

// lie gives what really leaves instead of m: mostly m, sometimes another message, two, or none. The coordinator must neither
// fail nor publish anything but a sum of what it included.
func (d *device) lie(m protocol.Message) []protocol.Message {
	if d.i >= d.w.cfg.Liars || !d.w.chance(d.w.cfg.Lie) {
		return []protocol.Message{m}
	}
	var parsed protocol.Message
	if parsed = again(m); parsed == nil {
		return []protocol.Message{m}
	}
	switch m := parsed.(type) {
	case *protocol.Advertise:
		return d.lieAboutKeys(m)
	case *protocol.Shares:
		return d.lieAboutShares(m)
	case *protocol.Input:
		return d.lieAboutInput(m)
	case *protocol.Chunk:
		return d.lieAboutVector(m)
	case *protocol.Reveal:
		return d.lieAboutReveal(m)
	}
	return []protocol.Message{m}
}

// again is a copy with no memory in common.
func again(m protocol.Message) protocol.Message {
	parsed, err := protocol.Parse(m.Type(), m.Append(nil))
	if err != nil {
		return nil
	}
	return parsed
}

func (d *device) pick(n int) int { return d.w.rng.IntN(n) }

func (d *device) lieAboutKeys(m *protocol.Advertise) []protocol.Message {
	switch d.pick(4) {
	case 0: // a signature that fails
		m.Key.Sig[0] ^= 1
	case 1: // a key of low order
		m.Key.SPK = [32]byte{}
		d.signKeys(m)
	case 2: // no key of anybody's
		m.Key.EPK = sha256.Sum256(m.Key.EPK[:])
		d.signKeys(m)
	case 3: // for another round
		m.OpenHash[0] ^= 1
	}
	return []protocol.Message{m}
}

func (d *device) lieAboutShares(m *protocol.Shares) []protocol.Message {
	if len(m.Sealed) == 0 {
		return []protocol.Message{m}
	}
	switch d.pick(5) {
	case 0: // one box is spoiled
		m.Sealed[d.pick(len(m.Sealed))][0] ^= 1
	case 1: // boxes for the wrong neighbours
		slices.Reverse(m.Sealed)
	case 2: // all of them are
		for i := range m.Sealed {
			m.Sealed[i][79] ^= 1
		}
	case 3: // one is missing
		m.Sealed = m.Sealed[1:]
	case 4: // silence
		return nil
	}
	d.signShares(m)
	return []protocol.Message{m}
}

func (d *device) lieAboutInput(m *protocol.Input) []protocol.Message {
	switch d.pick(5) {
	case 0: // it did not mask with those whom it names
		m.MaskedWith = bytes.Repeat([]byte{0}, len(m.MaskedWith))
	case 1: // another vector than the one that follows
		m.YHash[0] ^= 1
	case 2: // a complaint about everybody it masked with, or about itself
		m.Failed = append(m.Failed, uint32(d.pick(64)))
	case 3: // a length of its own
		m.Length += 4
	case 4: // two of them
		other := again(m).(*protocol.Input)
		other.LedgerSeq++
		d.signInput(other)
		return []protocol.Message{m, other}
	}
	d.signInput(m)
	return []protocol.Message{m}
}

// lieAboutVector sends other bytes than it announced, or out of place.
func (d *device) lieAboutVector(m *protocol.Chunk) []protocol.Message {
	switch d.pick(3) {
	case 0:
		m.Data[d.pick(len(m.Data))] ^= 1
	case 1:
		m.Offset += uint64(d.pick(1 << 20))
	case 2:
		return nil
	}
	return []protocol.Message{m}
}

func (d *device) lieAboutReveal(m *protocol.Reveal) []protocol.Message {
	shares := &m.SelfShares
	if len(m.PairShares) > 0 && d.pick(2) == 0 {
		shares = &m.PairShares
	}
	if len(*shares) == 0 {
		return []protocol.Message{m}
	}
	at := d.pick(len(*shares))
	switch d.pick(6) {
	case 0: // a share of nothing
		(*shares)[at].Share = sha256.Sum256((*shares)[at].Share[:])
		(*shares)[at].Share[31] = 0 // canonical
	case 1: // one that is no scalar
		(*shares)[at].Share = [32]byte(bytes.Repeat([]byte{0xff}, 32))
	case 2: // one member twice
		*shares = append(*shares, (*shares)[at])
	case 3: // another member's
		(*shares)[at].Index = uint32(d.pick(64))
	case 4: // its own b is wrong
		m.OwnB[0] ^= 1
	case 5: // both kinds
		m.PairShares = append(m.PairShares, (*shares)[at])
	}
	d.signReveal(m)
	return []protocol.Message{m}
}

func (d *device) signKeys(m *protocol.Advertise) {
	m.Key.Sign(protocol.Signer{Ed: d.cfg.Key}, m.OpenHash)
}
func (d *device) signShares(m *protocol.Shares) { m.Sign(protocol.Signer{Ed: d.cfg.Key}) }
func (d *device) signInput(m *protocol.Input)   { m.Sign(protocol.Signer{Ed: d.cfg.Key}) }
func (d *device) signReveal(m *protocol.Reveal) { m.Sign(protocol.Signer{Ed: d.cfg.Key}) }
