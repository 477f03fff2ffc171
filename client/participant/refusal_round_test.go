package participant

import (
	"crypto/ed25519"
	"crypto/sha256"
	"slices"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// liesAboutTheRoster are noticed when the roster comes: keys were advertised, nothing of the vector has left.
func liesAboutTheRoster() []lie {
	var out []lie
	add := func(why Refusal, name string, k hooks) {
		out = append(out, lie{why: why, name: name, at: "roster", hooks: k})
	}
	record := func(f func(*audit.Roster)) hooks { return hooks{roster: f} }
	msg := func(f func(*protocol.Roster)) hooks { return hooks{rosterMsg: f} }
	other := func(f func(k *protocol.KeyBundle, key *ed25519.PrivateKey)) hooks {
		return hooks{member: func(i int, k *protocol.KeyBundle, key *ed25519.PrivateKey) {
			if i == 5 {
				f(k, key)
			}
		}}
	}
	cert := func(change func(c *protocol.Cert), authority string) hooks {
		return other(func(k *protocol.KeyBundle, _ *ed25519.PrivateKey) {
			change(&k.Cert)
			k.Cert = protocol.IssueCert(testKey(authority), k.Cert)
		})
	}
	add(F01BadProof, "an entry is hidden", hooks{before: func(h *honest) { h.seal(&audit.BudgetExhausted{}) },
		rosterMsg: func(m *protocol.Roster) { m.Evidence.Entries = m.Evidence.Entries[1:] }})
	add(F01BadProof, "no entry", msg(func(m *protocol.Roster) { m.Evidence.Entries = nil }))
	add(F01BadProof, "the roster of another round", record(func(r *audit.Roster) { r.Open[0] ^= 1 }))
	add(F02RivalEntry, "an earlier roster", hooks{before: func(h *honest) { h.seal(&audit.Roster{Open: h.openHash, N: 8}) }})
	add(F02RivalEntry, "an abort before the roster", hooks{before: func(h *honest) { h.seal(&audit.Abort{Open: h.openHash}) }})
	add(F03BelowFloor, "fewer members than n_min", record(func(r *audit.Roster) { r.N = 4 }))
	add(F03BelowFloor, "a lower threshold", record(func(r *audit.Roster) { r.T-- }))
	add(F03BelowFloor, "a higher threshold", record(func(r *audit.Roster) { r.T++ }))
	add(F03BelowFloor, "fewer neighbours", record(func(r *audit.Roster) { r.K-- }))
	add(F06BadCertificate, "an expired certificate", cert(func(c *protocol.Cert) { c.NotAfter = 1_800_000_000 - 1 }, "authority"))
	add(F06BadCertificate, "a certificate of tomorrow", cert(func(c *protocol.Cert) { c.NotBefore = 1_800_000_000 + 1 }, "authority"))
	add(F06BadCertificate, "a coordinator among the devices", cert(func(c *protocol.Cert) { c.Class = protocol.ClassCoordinator }, "authority"))
	add(F06BadCertificate, "another authority", cert(func(*protocol.Cert) {}, "stranger"))
	add(F07BadKey, "a signature by another key", other(func(_ *protocol.KeyBundle, key *ed25519.PrivateKey) { *key = testKey("stranger") }))
	add(F07BadKey, "a mask key of low order", other(func(k *protocol.KeyBundle, _ *ed25519.PrivateKey) { k.SPK = [32]byte{} }))
	add(F07BadKey, "a sharing key of low order", other(func(k *protocol.KeyBundle, _ *ed25519.PrivateKey) { k.EPK = [32]byte{1} }))
	add(F07BadKey, "a key that is not canonical", other(func(k *protocol.KeyBundle, _ *ed25519.PrivateKey) {
		for i := range k.SPK {
			k.SPK[i] = 0xff
		}
	}))
	var first [32]byte
	add(F07BadKey, "two members with one key", hooks{member: func(i int, k *protocol.KeyBundle, _ *ed25519.PrivateKey) {
		switch i {
		case 4:
			first = k.SPK
		case 5:
			k.SPK = first
		}
	}})
	var twin protocol.Cert
	var twinKey ed25519.PrivateKey
	add(F07BadKey, "one certificate twice", hooks{member: func(i int, k *protocol.KeyBundle, key *ed25519.PrivateKey) {
		switch i {
		case 4:
			twin, twinKey = k.Cert, *key
		case 5:
			k.Cert, *key = twin, twinKey
		}
	}})
	add(F07BadKey, "a member's mask and sharing key are one", other(func(k *protocol.KeyBundle, _ *ed25519.PrivateKey) { k.EPK = k.SPK }))
	add(F07BadKey, "the own keys are another's", hooks{member: func(i int, k *protocol.KeyBundle, _ *ed25519.PrivateKey) {
		if i == 2 {
			k.EPK[0] ^= 1
		}
	}})
	add(F07BadKey, "keys that are not in the root", msg(func(m *protocol.Roster) { m.Peers[3].Key.BC[0] ^= 1 }))
	add(F07BadKey, "a path that does not fit", msg(func(m *protocol.Roster) { m.Peers[3].Proof[0][0] ^= 1 }))
	add(F07BadKey, "another root", record(func(r *audit.Roster) { r.Root[0] ^= 1 }))
	add(F08WrongGraph, "a neighbour is missing", msg(func(m *protocol.Roster) { m.Peers = m.Peers[:len(m.Peers)-1] }))
	add(F08WrongGraph, "neighbours in another order", msg(func(m *protocol.Roster) { m.Peers[1], m.Peers[2] = m.Peers[2], m.Peers[1] }))
	add(F08WrongGraph, "another's place", msg(func(m *protocol.Roster) { m.Index++ }))
	add(F15Malformed, "a place beyond the roster", msg(func(m *protocol.Roster) { m.Index = 8 }))
	out = append(out,
		lie{why: F08WrongGraph, name: "neighbours of another ring", at: "roster", n: 70, hooks: msg(func(m *protocol.Roster) {
			m.Peers[1].Index ^= 1
		})},
		lie{why: F03BelowFloor, name: "a ring without a safe threshold", at: "roster", n: 70, hooks: record(func(r *audit.Roster) { r.K, r.T = 2, 1 })},
		lie{why: F14AskedTwice, name: "a second roster", at: "roster", play: func(h *honest, d *device) {
			d.play(h, "roster")
			h.leaves[7][10] ^= 1
			d.step(h, Event{Msg: h.roster()})
		}})
	return out
}

// liesOfTheDelivery come with the neighbours' boxes; at this stage nothing has been charged.
func liesOfTheDelivery() []lie {
	msg := func(f func(*protocol.Delivery)) hooks { return hooks{delivery: f} }
	return []lie{
		{why: F09TooFew, name: "too few neighbours", at: "delivery", hooks: hooks{absent: []int{4, 5, 6, 7}}},
		{why: F09TooFew, name: "boxes that do not open", at: "delivery", hooks: msg(func(m *protocol.Delivery) {
			for i := range 4 {
				m.Sealed[i][0] ^= 1
			}
		})},
		{why: F09TooFew, name: "boxes in another order", at: "delivery", hooks: msg(func(m *protocol.Delivery) { slices.Reverse(m.Sealed) })},
		{why: F15Malformed, name: "a short bitmap", at: "delivery", hooks: msg(func(m *protocol.Delivery) { m.Present = nil })},
		{why: F15Malformed, name: "a bitmap with a bit too many", at: "delivery", hooks: msg(func(m *protocol.Delivery) { m.Present[0] |= 0x80 })},
		{why: F15Malformed, name: "more boxes than neighbours", at: "delivery", hooks: msg(func(m *protocol.Delivery) { m.Sealed = append(m.Sealed, [80]byte{}) })},
		{why: F15Malformed, name: "fewer boxes than neighbours", at: "delivery", hooks: msg(func(m *protocol.Delivery) { m.Sealed = m.Sealed[1:] })},
		{why: F14AskedTwice, name: "a second delivery", at: "state", play: func(h *honest, d *device) {
			d.play(h, "delivery")
			again := h.delivery()
			again.Present[0] &^= 1
			again.Sealed = again.Sealed[1:]
			d.step(h, Event{Msg: again})
		}},
		{why: F15Malformed, name: "an offset beyond the vector", at: "state", play: func(h *honest, d *device) {
			d.play(h, "delivery")
			d.step(h, Event{Msg: &protocol.InputState{SID: h.sid, Offset: 4*testD + 1}})
		}},
		{why: F15Malformed, name: "an offset within a chunk", at: "state", play: func(h *honest, d *device) {
			d.play(h, "delivery")
			d.step(h, Event{Msg: &protocol.InputState{SID: h.sid, Offset: 4}})
		}},
		{why: F07BadKey, name: "a receipt for another vector", at: "receipt", hooks: hooks{receipt: func(r *protocol.Receipt) {
			r.YHash[0] ^= 1
			r.Sign(protocol.Signer{Ed: testKey("coordinator")})
		}}},
		{why: F07BadKey, name: "a receipt for another place", at: "receipt", hooks: hooks{receipt: func(r *protocol.Receipt) {
			r.Index++
			r.Sign(protocol.Signer{Ed: testKey("coordinator")})
		}}},
		{why: F07BadKey, name: "a receipt by another key", at: "receipt", hooks: hooks{receipt: func(r *protocol.Receipt) { r.Sign(protocol.Signer{Ed: testKey("stranger")}) }}},
	}
}

// liesAboutSurvivors want shares for a set that is not what was logged, or not what the device did.
func liesAboutSurvivors() []lie {
	var out []lie
	add := func(why Refusal, name string, k hooks) {
		out = append(out, lie{why: why, name: name, at: "survivors", hooks: k})
	}
	record := func(f func(*audit.Survivors)) hooks { return hooks{survivors: f} }
	msg := func(f func(*protocol.Survivors)) hooks { return hooks{survMsg: f} }
	add(F01BadProof, "an entry is hidden", hooks{between: func(h *honest) { h.seal(&audit.BudgetExhausted{}) },
		survMsg: func(m *protocol.Survivors) { m.Evidence.Entries = m.Evidence.Entries[1:] }})
	add(F01BadProof, "no entry", msg(func(m *protocol.Survivors) { m.Evidence.Entries = nil }))
	add(F01BadProof, "survivors of another round", record(func(r *audit.Survivors) { r.Open[0] ^= 1 }))
	add(F01BadProof, "survivors of another roster", record(func(r *audit.Survivors) { r.Roster[0] ^= 1 }))
	add(F01BadProof, "survivors of another cohort", record(func(r *audit.Survivors) { r.Cohort = 1 }))
	add(F02RivalEntry, "earlier survivors", hooks{between: func(h *honest) {
		h.seal(&audit.Survivors{Open: h.openHash, Roster: h.rosterHash, SID: h.sid, Count: 8})
	}})
	add(F02RivalEntry, "an abort before the survivors", hooks{between: func(h *honest) { h.seal(&audit.Abort{Open: h.openHash}) }})
	add(F12ThinSurvivors, "fewer than n_min", hooks{lost: []int{4, 5, 6, 7}})
	add(F13SurvivorsLie, "another session", record(func(r *audit.Survivors) { r.SID[0] ^= 1 }))
	add(F13SurvivorsLie, "another bitmap", msg(func(m *protocol.Survivors) { m.Bitmap = []byte{0x7f} }))
	add(F13SurvivorsLie, "a bitmap that is too long", hooks{survMsg: func(m *protocol.Survivors) { m.Bitmap = append(m.Bitmap, 0) }})
	add(F13SurvivorsLie, "more counted than marked", record(func(r *audit.Survivors) { r.Count++ }))
	add(F13SurvivorsLie, "fewer counted than marked", record(func(r *audit.Survivors) { r.Count-- }))
	add(F13SurvivorsLie, "the device is not among them", hooks{lost: []int{2}})
	out = append(out,
		lie{why: F12ThinSurvivors, name: "fewer than the losses allow", at: "survivors", n: 20, hooks: hooks{lost: []int{7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}}},
		lie{why: F12ThinSurvivors, name: "fewer than t who back the device", at: "survivors", n: 20, hooks: hooks{lost: []int{9, 10, 11, 12, 13, 14, 15, 16, 17, 18}}},
		lie{why: F13SurvivorsLie, name: "a neighbour it did not mask with", at: "survivors", play: func(h *honest, d *device) {
			h.hooks.absent = []int{4}
			d.play(h, "receipt")
			h.hooks.absent = nil
			d.step(h, Event{Msg: h.survivors()})
		}},
		lie{why: F13SurvivorsLie, name: "asked before the vector was sent", at: "delivery", play: func(h *honest, d *device) {
			d.play(h, "roster")
			d.step(h, Event{Msg: h.survivors()})
		}},
		lie{why: F15Malformed, name: "a bitmap with bits beyond the roster", at: "survivors", n: 10, hooks: hooks{bitmap: func(b []byte) { b[1] |= 0x80 }}},
		lie{why: F14AskedTwice, name: "a second set of survivors", at: "close", play: func(h *honest, d *device) {
			d.play(h, "survivors")
			h.hooks.lost = []int{4}
			d.step(h, Event{Msg: h.survivors()})
		}},
		lie{why: F14AskedTwice, name: "a second set after a restart", at: "close", play: func(h *honest, d *device) {
			d.play(h, "survivors")
			d.boot()
			h.hooks.lost = []int{4}
			d.step(h, Event{Msg: h.survivors()})
		}})
	return out
}

// liesAtTheEnd come when everything was given; the device can only tell its owner.
func liesAtTheEnd() []lie {
	record := func(f func(*audit.RoundClose)) hooks { return hooks{close: f} }
	msg := func(f func(*protocol.Close)) hooks { return hooks{closeMsg: f} }
	return []lie{
		{why: F01BadProof, name: "the end of another round", at: "close", hooks: record(func(r *audit.RoundClose) { r.Open[0] ^= 1 })},
		{why: F01BadProof, name: "no entry at the end", at: "close", hooks: msg(func(m *protocol.Close) { m.Evidence.Entries = nil })},
		{why: F01BadProof, name: "an abort of another round", at: "close", play: func(h *honest, d *device) {
			d.play(h, "survivors")
			open := h.openHash
			h.openHash[0] ^= 1
			m := h.abort()
			h.openHash, m.OpenHash = open, open
			d.step(h, Event{Msg: m})
		}},
		{why: F01BadProof, name: "an entry that ends nothing", at: "close", play: func(h *honest, d *device) {
			d.play(h, "survivors")
			at := h.seal(&audit.BudgetExhausted{})
			d.step(h, Event{Msg: &protocol.Close{OpenHash: h.openHash, Evidence: h.prove(at)}})
		}},
		{why: F02RivalEntry, name: "the end of another roster", at: "close", hooks: record(func(r *audit.RoundClose) { r.Roster[0] ^= 1 })},
		{why: F02RivalEntry, name: "the end of other survivors", at: "close", hooks: record(func(r *audit.RoundClose) { r.Survivors[0][0] ^= 1 })},
		{why: F13SurvivorsLie, name: "the vector is not in the sum", at: "close", hooks: msg(func(m *protocol.Close) { m.InputProof[0][0] ^= 1 })},
		{why: F13SurvivorsLie, name: "another vector is in the sum", at: "close", play: func(h *honest, d *device) {
			d.play(h, "receipt")
			h.yHash = sha256.Sum256([]byte("another"))
			d.step(h, d.event(h, "survivors"))
			d.step(h, d.event(h, "close"))
		}},
	}
}
