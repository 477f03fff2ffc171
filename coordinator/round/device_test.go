package round

import (
	"crypto/ed25519"
	"crypto/sha256"
	"math/rand/v2"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

// device is a device of which every step can be made wrong.
type device struct {
	w          *world
	id         [32]byte
	key        ed25519.PrivateKey
	cert       protocol.Cert
	certPQ     []byte
	secrets    *aggregation.Secrets
	public     aggregation.Public
	index      uint32
	neighbours []protocol.PeerKeys
	present    []bool
	made       map[uint32][]byte   // ciphertexts for the mask keys of pairs
	m, b       []aggregation.Share // of the neighbours, in ring order
	x          []uint32
	random     *rand.ChaCha8
	said       int // bytes of messages
	liar       bool
	spoil      map[[32]byte]bool // whose boxes it spoils
	rubbish    bool              // it shares something else than its secrets
}

func newDevice(w *world, name string) *device {
	id := prototest.Identity(name, protocol.ClassDevice)
	if w.cfg.Open.Sig == protocol.SigHybrid {
		id = prototest.Hybrid(id)
	}
	d := &device{w: w, id: id.Cert.IDPK, key: id.Key, cert: id.Cert, certPQ: id.CertPQ, random: rand.NewChaCha8(sha256.Sum256([]byte(name)))}
	var err error
	if d.secrets, err = aggregation.NewSecrets(d.random); err != nil {
		w.t.Fatal(err)
	}
	if d.public, err = d.secrets.Public(w.m.OpenHash(), w.cfg.Open.Kex); err != nil {
		w.t.Fatal(err)
	}
	d.x = make([]uint32, w.cfg.Open.D)
	for i := range d.x {
		d.x[i] = uint32(d.random.Uint64()) >> (32 - w.cfg.Open.WordBits)
	}
	return d
}

func (d *device) connect() Output    { return d.w.step(Event{Kind: Connected, From: d.id}) }
func (d *device) disconnect() Output { return d.w.step(Event{Kind: Disconnected, From: d.id}) }

// say sends a message and gives the code with which the coordinator hangs up, or CodeOK.
func (d *device) say(m protocol.Message) protocol.Code {
	d.w.t.Helper()
	if m != nil {
		d.said += len(m.Append(nil))
	}
	for _, s := range d.w.step(Event{Kind: Message, From: d.id, Msg: m}).Send {
		if h, ok := s.Msg.(*protocol.HangUp); ok && s.To == d.id {
			return h.Code
		}
	}
	return protocol.CodeOK
}

func (d *device) advertise() *protocol.Advertise {
	k := protocol.KeyBundle{Cert: d.cert, SPK: d.public.SPK, EPK: d.public.EPK, BC: d.public.BC, KEM: d.public.KEM}
	if d.w.cfg.Open.Sig == protocol.SigHybrid {
		k.CertPQ = d.certPQ
	}
	k.Sign(d.signer(), d.w.m.OpenHash())
	return &protocol.Advertise{OpenHash: d.w.m.OpenHash(), Key: k}
}

// take is the newest message of this kind that the device was sent.
func take[M protocol.Message](d *device) M {
	d.w.t.Helper()
	list := d.w.inbox[d.id]
	for i := len(list) - 1; i >= 0; i-- {
		if m, ok := list[i].(M); ok {
			return m
		}
	}
	var none M
	d.w.t.Fatalf("device %x was never sent a %T", d.id[:3], none)
	return none
}

// shares reads R1 and seals for every neighbour.
func (d *device) shares() *protocol.Shares {
	d.w.t.Helper()
	roster := take[*protocol.Roster](d)
	d.index, d.neighbours = roster.Index, roster.Peers[1:]
	xs := make([]uint32, len(d.neighbours))
	for i, p := range d.neighbours {
		xs[i] = d.w.m.ring.ShareX(int(p.Index))
	}
	m, b, err := d.secrets.Split(d.w.m.degree.T, xs, d.random)
	if err != nil {
		d.w.t.Fatal(err)
	}
	if d.rubbish {
		for i := range m {
			m[i], b[i] = aggregation.Share{byte(i + 1)}, aggregation.Share{7, byte(i + 1)}
		}
	}
	msg := &protocol.Shares{SID: d.w.m.SID(d.id)}
	d.made = map[uint32][]byte{}
	for i, p := range d.neighbours {
		if d.w.cfg.Open.Kex == aggregation.KexXWing && p.Index > d.index {
			d.made[p.Index] = d.maskCT(msg.SID, p)
			msg.MaskCTs = append(msg.MaskCTs, [protocol.CiphertextSize]byte(d.made[p.Index]))
		}
		box, ct, err := d.secrets.Seal(d.session(msg.SID), d.index, d.peer(p), m[i], b[i], d.random)
		if err != nil {
			d.w.t.Fatal(err)
		}
		if d.spoil[d.w.m.roster[p.Index].id] {
			box[0] ^= 1
		}
		msg.Sealed = append(msg.Sealed, [80]byte(box))
		if ct == nil {
			continue
		}
		msg.ShareCTs = append(msg.ShareCTs, [protocol.CiphertextSize]byte(ct))
	}
	msg.Sign(d.signer())
	return msg
}

// maskCT is what this device makes for its mask with a neighbour of a greater index. A liar makes another one for the first.
func (d *device) maskCT(sid [32]byte, p protocol.PeerKeys) []byte {
	d.w.t.Helper()
	if d.liar && len(d.made) == 0 {
		sid = [32]byte{1} // other coins
	}
	ct, err := d.secrets.MaskCT(d.session(sid), d.index, d.peer(p))
	if err != nil {
		d.w.t.Fatal(err)
	}
	return ct
}

// peer is a neighbour's keys, with the pair's ciphertext where this device made it.
func (d *device) peer(p protocol.PeerKeys) aggregation.PeerKey {
	return aggregation.PeerKey{Index: p.Index, SPK: p.Key.SPK, EPK: p.Key.EPK, KEM: p.Key.KEM, MaskCT: d.made[p.Index]}
}

// boxes reads R2: by neighbour in ring order, what it sealed for this device, with its ciphertexts.
func (d *device) boxes() []delivered {
	d.w.t.Helper()
	msg := take[*protocol.Delivery](d)
	out := make([]delivered, len(d.neighbours))
	boxes, shareCTs, maskCTs := msg.Sealed, msg.ShareCTs, msg.MaskCTs
	for i, p := range d.neighbours {
		if !bit(msg.Present, i) {
			continue
		}
		out[i].present, out[i].box, boxes = true, aggregation.Sealed(boxes[0]), boxes[1:]
		if d.w.cfg.Open.Kex == aggregation.KexXWing {
			out[i].shareCT, shareCTs = shareCTs[0][:], shareCTs[1:]
			if p.Index < d.index {
				out[i].maskCT, maskCTs = maskCTs[0][:], maskCTs[1:]
			}
		}
	}
	if len(boxes)+len(shareCTs)+len(maskCTs) > 0 {
		d.w.t.Fatal("more was delivered than the neighbours made")
	}
	return out
}

type delivered struct {
	present         bool
	box             aggregation.Sealed
	shareCT, maskCT []byte
}

// input reads R2, opens every box, masks, and leaves the vector in the spool.
func (d *device) input() *protocol.Input {
	d.w.t.Helper()
	d.present, d.m, d.b = make([]bool, len(d.neighbours)), make([]aggregation.Share, len(d.neighbours)), make([]aggregation.Share, len(d.neighbours))
	msg := &protocol.Input{SID: d.w.m.SID(d.id), MaskedWith: make([]byte, (len(d.neighbours)+7)/8), LedgerSeq: 1}
	var peers []aggregation.PeerKey
	for i, got := range d.boxes() {
		if !got.present {
			continue
		}
		peer := d.peer(d.neighbours[i])
		peer.MaskCT = got.maskCT // its own for the others follow from its m
		var err error
		if d.m[i], d.b[i], err = d.secrets.Open(d.session(msg.SID), d.index, peer, got.box, got.shareCT); err != nil {
			msg.Failed = append(msg.Failed, peer.Index)
			continue
		}
		d.present[i] = true
		msg.MaskedWith[i/8] |= 1 << (i % 8)
		peers = append(peers, peer)
	}
	y := append([]uint32(nil), d.x...)
	if err := d.secrets.Mask(y, d.session(msg.SID), d.index, peers); err != nil {
		d.w.t.Fatal(err)
	}
	b := aggregation.AppendWords(nil, y, d.w.cfg.Open.WordBits)
	d.w.spool[d.id] = b
	msg.Length, msg.YHash = uint64(len(b)), sha256.Sum256(b)
	for at := 0; at < len(b); at += protocol.ChunkSize {
		msg.Chunks = append(msg.Chunks, sha256.Sum256(b[at:min(at+protocol.ChunkSize, len(b))]))
	}
	msg.Sign(d.signer())
	return msg
}

func (d *device) upload() Output {
	return d.w.step(Event{Kind: Uploaded, From: d.id, Hash: sha256.Sum256(d.w.spool[d.id])})
}

// confirm reads R3 in mode SM and signs the set.
func (d *device) confirm() *protocol.Confirm {
	d.w.t.Helper()
	msg := &protocol.Confirm{SID: d.w.m.SID(d.id), Digest: sha256.Sum256(take[*protocol.Survivors](d).Bitmap)}
	msg.Sign(d.signer())
	return msg
}

// signer signs in the round's suite.
func (d *device) signer() protocol.Signer {
	return protocol.Identity{Key: d.key}.Signer(d.w.cfg.Open.Sig)
}

// reveal reads R3 and answers. own says whether it gives its own b.
func (d *device) reveal(own bool) *protocol.Reveal {
	d.w.t.Helper()
	survivors := take[*protocol.Survivors](d)
	msg := &protocol.Reveal{SID: d.w.m.SID(d.id)}
	if own {
		msg.HasOwn, msg.OwnB = 1, d.secrets.B()
	}
	for i, p := range d.neighbours {
		switch {
		case !d.present[i]:
		case bit(survivors.Bitmap, int(p.Index)):
			msg.SelfShares = append(msg.SelfShares, protocol.PeerShare{Index: p.Index, Share: [32]byte(d.b[i])})
		default:
			msg.PairShares = append(msg.PairShares, protocol.PeerShare{Index: p.Index, Share: [32]byte(d.m[i])})
		}
	}
	msg.Sign(d.signer())
	return msg
}

func (d *device) session(sid [32]byte) aggregation.Session {
	return aggregation.Session{Suite: d.w.m.suite(), OpenHash: d.w.m.OpenHash(), SID: sid}
}
