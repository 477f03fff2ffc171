package prototest

import (
	"bytes"
	"crypto/sha256"

	"github.com/cinesync/cinesync/protocol"
)

// Messages is one message of every type, in type order, with every list and field filled and every signature valid, in both halves.
func Messages() []protocol.Message { return messages(protocol.SigHybrid) }

// PlainMessages are the same in the suites without post-quantum parts: those fields are empty.
func PlainMessages() []protocol.Message { return messages(protocol.SigEd25519) }

func messages(suite uint16) []protocol.Message {
	dev, coord := Hybrid(Device()), Hybrid(Coordinator())
	signer := dev.Signer(suite)
	open, sid := hash("open"), hash("sid")
	key := protocol.KeyBundle{Cert: dev.Cert, SPK: hash("spk"), EPK: hash("epk"), BC: hash("bc")}
	shares := &protocol.Shares{SID: sid, Sealed: [][80]byte{box("a"), box("b")}}
	delivery := &protocol.Delivery{SID: sid, Present: []byte{0b10}, Sealed: [][80]byte{box("c")}}
	if suite == protocol.SigHybrid {
		key.KEM, key.CertPQ = long("kem", protocol.KEMKeysSize), dev.CertPQ
		shares.ShareCTs, shares.MaskCTs = ciphertexts("s1", "s2"), ciphertexts("m1")
		delivery.ShareCTs, delivery.MaskCTs = ciphertexts("s3"), ciphertexts("m2")
	}
	key.Sign(signer, open)
	shares.Sign(signer)
	vector := bytes.Repeat([]byte{1, 2, 3, 4}, 5)
	input := &protocol.Input{SID: sid, MaskedWith: []byte{0b101}, Failed: []uint32{7}, Length: 20, Chunks: [][32]byte{sha256.Sum256(vector)},
		YHash: sha256.Sum256(vector), LedgerSeq: 3}
	input.Sign(signer)
	receipt := &protocol.Receipt{SID: sid, Index: 4, YHash: sha256.Sum256(vector)}
	receipt.Sign(coord.Signer(suite))
	reveal := &protocol.Reveal{SID: sid, HasOwn: 1, OwnB: hash("own b"), SelfShares: []protocol.PeerShare{{Index: 1, Share: hash("b")}},
		PairShares: []protocol.PeerShare{{Index: 2, Share: hash("m")}}}
	reveal.Sign(signer)
	confirm := &protocol.Confirm{SID: sid, Digest: hash("bitmap")}
	confirm.Sign(signer)
	return []protocol.Message{
		&protocol.Hello{TreeSize: 9, Round: 2, OpenHash: open},
		&protocol.Welcome{Evidence: evidence(), LastHeader: input.Append(nil), Round: 2},
		&protocol.Offer{Evidence: evidence(), Code: []byte("code"), ModelSize: 12345},
		&protocol.ModelGet{Hash: hash("model"), Offset: protocol.ChunkSize},
		&protocol.ModelPart{Hash: hash("model"), Offset: protocol.ChunkSize, Total: protocol.ChunkSize + 5, Data: []byte("model")},
		&protocol.Advertise{OpenHash: open, Key: key},
		&protocol.Roster{Evidence: evidence(), SeedCheckpoint: []byte("log.example/demo\n8\n"), SeedProof: [][32]byte{hash("s0")}, OpenHash: open, Index: 4, Peers: []protocol.PeerKeys{{Index: 4, Key: key, Proof: [][32]byte{hash("p")}}}},
		shares,
		delivery,
		input,
		&protocol.InputState{SID: sid, Offset: 0},
		&protocol.Chunk{SID: sid, Offset: 0, Data: vector},
		receipt,
		&protocol.Survivors{SID: sid, Evidence: evidence(), Bitmap: []byte{0b11, 0b1}},
		reveal,
		&protocol.Close{OpenHash: open, Evidence: evidence(), InputProof: [][32]byte{hash("i")}, InputIndex: 4},
		&protocol.HangUp{Code: protocol.CodeBusy, Detail: "too many devices; come back later", RetryAfter: 60},
		confirm,
		&protocol.Confirmed{SID: sid, Digest: confirm.Digest, Confirms: []protocol.PeerConfirm{{Index: 4, Sig: confirm.Sig, SigPQ: confirm.SigPQ}}},
		&protocol.DeltaGet{Base: hash("base"), Hash: hash("model"), Offset: protocol.ChunkSize},
		&protocol.DeltaPart{Base: hash("base"), Hash: hash("model"), Offset: protocol.ChunkSize, Total: protocol.ChunkSize + 5, Data: []byte("delta")},
	}
}

func evidence() protocol.Evidence {
	return protocol.Evidence{Checkpoint: []byte("log.example/demo\n9\n"), OldSize: 5, Consistency: [][32]byte{hash("c0"), hash("c1")},
		Entries: []protocol.Logged{{Index: 8, Entry: []byte("entry"), Proof: [][32]byte{hash("e0")}}}}
}

func hash(s string) [32]byte { return sha256.Sum256([]byte(s)) }

func box(s string) (b [80]byte) {
	for i := 0; i < len(b); i += 16 {
		h := hash(s)
		copy(b[i:], h[:16])
	}
	return b
}

func ciphertexts(names ...string) (list [][protocol.CiphertextSize]byte) {
	for _, s := range names {
		list = append(list, [protocol.CiphertextSize]byte(long(s, protocol.CiphertextSize)))
	}
	return list
}

// long is n bytes that are hard to confuse with others.
func long(s string, n int) []byte {
	var b []byte
	for h := hash(s); len(b) < n; h = sha256.Sum256(h[:]) {
		b = append(b, h[:]...)
	}
	return b[:n]
}
