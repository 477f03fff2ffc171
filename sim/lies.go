package sim

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"github.com/cinesync/cinesync/protocol"
)

// A liar is a device whose owner changed what it sends. It signs its lies with its own key, as it could: only what others
// signed is beyond it. The machine behind it is honest, so that the oracle knows what the truth was.

// Lie is one way to lie about one message.
type Lie string

// lies by name: what really leaves instead of a message. nil where the message is not one that this lie is about. The
// coordinator must neither fail nor publish anything but a sum of what it included.
var lies = map[Lie]func(d *device, m protocol.Message) []protocol.Message{
	"a signature under the keys that fails": keys(func(_ *device, m *protocol.Advertise) { m.Key.Sig[0] ^= 1 }),
	"a key of low order":                    keys(func(d *device, m *protocol.Advertise) { m.Key.SPK = [32]byte{}; d.signKeys(m) }),
	"a sharing key that it does not hold":   keys(func(d *device, m *protocol.Advertise) { m.Key.EPK = sha256.Sum256(m.Key.EPK[:]); d.signKeys(m) }),
	"a commitment to nothing":               keys(func(d *device, m *protocol.Advertise) { m.Key.BC[0] ^= 1; d.signKeys(m) }),
	"keys for another round":                keys(func(_ *device, m *protocol.Advertise) { m.OpenHash[0] ^= 1 }),

	"one box is spoiled":       boxes(func(d *device, m *protocol.Shares) { m.Sealed[d.pick(len(m.Sealed))][0] ^= 1 }),
	"all boxes are spoiled":    boxes(func(_ *device, m *protocol.Shares) { spoil(m.Sealed) }),
	"boxes for the wrong ones": boxes(func(_ *device, m *protocol.Shares) { slices.Reverse(m.Sealed) }),
	"a box is missing":         boxes(func(_ *device, m *protocol.Shares) { m.Sealed = m.Sealed[1:] }),
	"a box too many":           boxes(func(_ *device, m *protocol.Shares) { m.Sealed = append(m.Sealed, [80]byte{}) }),

	"masked with nobody":               header(func(_ *device, m *protocol.Input) { m.MaskedWith = make([]byte, len(m.MaskedWith)) }),
	"complaints about others":          header(func(d *device, m *protocol.Input) { m.Failed = append(m.Failed, uint32(d.pick(64))) }),
	"another vector than announced":    header(func(_ *device, m *protocol.Input) { m.YHash[0] ^= 1 }),
	"a length of its own":              header(func(_ *device, m *protocol.Input) { m.Length += 4 }),
	"two headers":                      twoHeaders,
	"a changed byte of the vector":     pieces(func(d *device, m *protocol.Chunk) { m.Data[d.pick(len(m.Data))] ^= 1 }),
	"a piece out of place":             pieces(func(d *device, m *protocol.Chunk) { m.Offset += uint64(1 + d.pick(1<<20)) }),
	"a piece of no vector at all":      pieces(func(_ *device, m *protocol.Chunk) { m.SID[0] ^= 1 }),
	"a share of nothing":               answers(func(_ *device, m *protocol.Reveal) { m.SelfShares[0].Share = [32]byte{1} }),
	"a share that is no scalar":        answers(func(_ *device, m *protocol.Reveal) { m.SelfShares[0].Share = [32]byte(bytes.Repeat([]byte{0xff}, 32)) }),
	"one member's share twice":         answers(func(_ *device, m *protocol.Reveal) { m.SelfShares = append(m.SelfShares, m.SelfShares[0]) }),
	"one member's share for another":   answers(func(d *device, m *protocol.Reveal) { m.SelfShares[0].Index = uint32(d.pick(64)) }),
	"both kinds of share for one":      answers(func(_ *device, m *protocol.Reveal) { m.PairShares = append(m.PairShares, m.SelfShares[0]) }),
	"all shares of nothing":            answers(func(_ *device, m *protocol.Reveal) { garble(m) }),
	"its own b is another's":           answers(func(_ *device, m *protocol.Reveal) { m.OwnB[0] ^= 1 }),
	"a reveal with a broken signature": unsigned,

	// Only in rounds with X-Wing. A spoiled ciphertext of a mask is not here: it is rubbish in its owner's own vector, which no
	// rule can see (secure aggregation 14.3).
	"X-Wing keys that are none":       kem(func(m *protocol.Advertise) { m.Key.KEM = bytes.Repeat([]byte{0xff}, len(m.Key.KEM)) }),
	"no X-Wing keys":                  kem(func(m *protocol.Advertise) { m.Key.KEM = nil }),
	"one ciphertext is spoiled":       ciphertexts(func(d *device, m *protocol.Shares) { m.ShareCTs[d.pick(len(m.ShareCTs))][3] ^= 1 }),
	"a ciphertext is missing":         ciphertexts(func(_ *device, m *protocol.Shares) { m.ShareCTs = m.ShareCTs[1:] }),
	"a mask's ciphertext is too many": ciphertexts(func(_ *device, m *protocol.Shares) { m.MaskCTs = append(m.MaskCTs, [protocol.CiphertextSize]byte{}) }),

	// These two ended every round with such a member before it was left out (secure aggregation 10.8).
	"good boxes for fewer than t, then silence":   tooFew,
	"a wrong ciphertext in its box, then silence": wrongCiphertext,

	// With the same ones each time.
	aboutVictims:                func(*device, protocol.Message) []protocol.Message { return nil }, // see mishear
	"bad boxes for its victims": boxes(spite),

	"silence about its keys":   silence(protocol.TypeAdvertise),
	"silence about its shares": silence(protocol.TypeShares),
	"silence about its vector": silence(protocol.TypeInput),
	"silence amid its vector":  silence(protocol.TypeChunk),
	"silence at the reveal":    silence(protocol.TypeReveal),

	"everything many times":      flood(func(m protocol.Message) protocol.Message { return m }),
	"many messages out of place": flood(outOfPlace),
}

// lie gives what really leaves instead of m: mostly m, sometimes another message, many, or none.
func (d *device) lie(m protocol.Message) []protocol.Message {
	cfg := &d.w.cfg
	if d.i >= cfg.Liars || !d.w.chance(cfg.Lie) {
		return []protocol.Message{m}
	}
	which := cfg.Lies
	if len(which) == 0 {
		which = everyLie()
	}
	if out := lies[which[d.pick(len(which))]](d, again(m)); out != nil {
		return out
	}
	return []protocol.Message{m}
}

// everyLie lists them in an order that does not change.
func everyLie() []Lie {
	var out []Lie
	for l := range lies {
		out = append(out, l)
	}
	slices.Sort(out)
	return out
}

// again is a copy with no memory in common.
func again(m protocol.Message) protocol.Message {
	parsed, err := protocol.Parse(m.Type(), m.Append(nil))
	if err != nil {
		panic("sim: a device's message does not parse: " + err.Error()) // the oracle read it before
	}
	return parsed
}

func (d *device) pick(n int) int { return d.w.rng.IntN(n) }

type tell = func(d *device, m protocol.Message) []protocol.Message

// about makes a lie about messages of one type, for which there is something to lie about.
func about[M protocol.Message](change func(d *device, m M), sign func(d *device, m M), some func(m M) bool) tell {
	return func(d *device, m protocol.Message) []protocol.Message {
		own, ok := m.(M)
		if !ok || !some(own) {
			return nil
		}
		change(d, own)
		sign(d, own)
		return []protocol.Message{own}
	}
}

func keys(change func(d *device, m *protocol.Advertise)) tell {
	return about(change, func(*device, *protocol.Advertise) {}, func(*protocol.Advertise) bool { return true })
}

func kem(change func(m *protocol.Advertise)) tell {
	return about(func(d *device, m *protocol.Advertise) { change(m); d.signKeys(m) }, func(*device, *protocol.Advertise) {},
		func(m *protocol.Advertise) bool { return len(m.Key.KEM) > 0 })
}

func ciphertexts(change func(d *device, m *protocol.Shares)) tell {
	return about(change, (*device).signShares, func(m *protocol.Shares) bool { return len(m.ShareCTs) > 0 })
}

func boxes(change func(d *device, m *protocol.Shares)) tell {
	return about(change, (*device).signShares, func(m *protocol.Shares) bool { return len(m.Sealed) > 0 })
}

func header(change func(d *device, m *protocol.Input)) tell {
	return about(change, (*device).signInput, func(*protocol.Input) bool { return true })
}

func pieces(change func(d *device, m *protocol.Chunk)) tell {
	return about(change, func(*device, *protocol.Chunk) {}, func(m *protocol.Chunk) bool { return len(m.Data) > 0 })
}

func answers(change func(d *device, m *protocol.Reveal)) tell {
	return about(change, (*device).signReveal, func(m *protocol.Reveal) bool { return len(m.SelfShares) > 0 })
}

func unsigned(_ *device, m protocol.Message) []protocol.Message {
	r, ok := m.(*protocol.Reveal)
	if !ok {
		return nil
	}
	r.Sig[0] ^= 1
	return []protocol.Message{r}
}

func twoHeaders(d *device, m protocol.Message) []protocol.Message {
	in, ok := m.(*protocol.Input)
	if !ok {
		return nil
	}
	other := again(m).(*protocol.Input)
	other.YHash[0] ^= 1
	d.signInput(other)
	return []protocol.Message{in, other}
}

func silence(t protocol.Type) tell {
	return func(_ *device, m protocol.Message) []protocol.Message {
		if m.Type() != t {
			return nil
		}
		return []protocol.Message{}
	}
}

// floods is how many; the coordinator's driver has its own limits on rates, which are tested there.
const floods = 6

// flood sends a message and a crowd beside it.
func flood(beside func(m protocol.Message) protocol.Message) tell {
	return func(_ *device, m protocol.Message) []protocol.Message {
		out := []protocol.Message{m}
		for range floods {
			out = append(out, beside(m))
		}
		return out
	}
}

// outOfPlace is a message that nobody waits for while m is due, in the same session.
func outOfPlace(m protocol.Message) protocol.Message {
	switch m := m.(type) {
	case *protocol.Shares:
		return &protocol.Reveal{SID: m.SID, HasOwn: 1}
	case *protocol.Input:
		return &protocol.Shares{SID: m.SID}
	case *protocol.Chunk:
		return &protocol.Chunk{SID: m.SID, Offset: 1 << 40, Data: m.Data}
	case *protocol.Reveal:
		return &protocol.Input{SID: m.SID}
	}
	return &protocol.ModelGet{}
}

func spoil(sealed [][80]byte) {
	for i := range sealed {
		sealed[i][79] ^= 1
	}
}

func garble(m *protocol.Reveal) {
	for _, list := range [][]protocol.PeerShare{m.SelfShares, m.PairShares} {
		for i := range list {
			list[i].Share = [32]byte{byte(i), 1}
		}
	}
}

func (d *device) signKeys(m *protocol.Advertise) {
	m.Key.Sign(d.w.signer(d.cfg.Key), m.OpenHash)
}
func (d *device) signShares(m *protocol.Shares) { m.Sign(d.w.signer(d.cfg.Key)) }
func (d *device) signInput(m *protocol.Input)   { m.Sign(d.w.signer(d.cfg.Key)) }
func (d *device) signReveal(m *protocol.Reveal) { m.Sign(d.w.signer(d.cfg.Key)) }
