package participant

import (
	"bytes"
	"crypto/ed25519"
	"slices"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// liesAboutTheSeed are told in mode W, where the graph comes from what the witnesses signed.
func liesAboutTheSeed() []lie {
	w := kind{aggregation.ModeW, 1, 1, 1, 32, 1, 3}
	var out []lie
	add := func(why Refusal, name, at string, given func(h *honest, d *device)) {
		out = append(out, lie{why: why, name: "seed: " + name, at: at, kind: w, given: given})
	}
	msg := func(f func(h *honest, m *protocol.Roster)) func(*honest, *device) {
		return func(h *honest, _ *device) { h.hooks.rosterMsg = func(m *protocol.Roster) { f(h, m) } }
	}
	add(F01BadProof, "no checkpoint", "roster", msg(func(_ *honest, m *protocol.Roster) { m.SeedCheckpoint, m.SeedProof = nil, nil }))
	add(F01BadProof, "no proof that the roster is in it", "roster", msg(func(_ *honest, m *protocol.Roster) { m.SeedProof = nil }))
	add(F01BadProof, "signed by fewer than the quorum", "roster", msg(func(_ *honest, m *protocol.Roster) {
		m.SeedCheckpoint = bytes.Join(bytes.SplitAfter(m.SeedCheckpoint, []byte("\n"))[:6], nil)
	}))
	add(F01BadProof, "signed before the roster", "roster", msg(func(h *honest, m *protocol.Roster) { m.SeedCheckpoint = h.checkpoint(h.rosterAt) }))
	add(F01BadProof, "of a tree that was not shown", "roster", msg(func(h *honest, m *protocol.Roster) {
		at := h.rosterAt
		h.seal(&audit.BudgetExhausted{})
		m.SeedCheckpoint = h.checkpoint(h.log.Size())
		m.SeedProof, _ = h.log.Inclusion(at, h.log.Size())
	}))
	add(F08WrongGraph, "a ring of other signatures", "roster", msg(func(h *honest, m *protocol.Roster) {
		h.now = h.now.Add(1e9)
		m.SeedCheckpoint = h.checkpoint(h.rosterAt + 1)
		h.now = h.now.Add(-1e9)
	}))
	out[len(out)-1].n = 70 // a graph that is not complete
	out[len(out)-1].kind.cohorts = 1
	add(F08WrongGraph, "a signature left out", "roster", msg(func(h *honest, m *protocol.Roster) {
		lines := bytes.SplitAfter(m.SeedCheckpoint, []byte("\n"))
		m.SeedCheckpoint = bytes.Join(slices.Delete(lines, 5, 6), nil)
	}))
	out[len(out)-1].n = 70
	add(F03BelowFloor, "λ below 80", "offer", func(h *honest, d *device) {
		d.cfg.Floor.Lambda = 1
		d.boot()
		h.hooks.open = func(o *audit.RoundOpen) { o.Lambda = 79 }
	})
	add(F03BelowFloor, "beacons", "offer", func(h *honest, _ *device) { h.hooks.open = func(o *audit.RoundOpen) { o.SeedKind = seedBeacon } })
	add(F03BelowFloor, "nothing but what was logged", "offer", func(h *honest, _ *device) {
		h.hooks.open = func(o *audit.RoundOpen) { o.SeedKind = seedPlain }
	})
	add(F03BelowFloor, "no witnesses are pinned", "offer", func(_ *honest, d *device) {
		d.cfg.Witnesses = audit.WitnessPolicy{}
		d.boot()
	})
	out = append(out, lie{why: F15Malformed, name: "seed: a checkpoint in a mode without", at: "roster", hooks: hooks{rosterMsg: func(m *protocol.Roster) { m.SeedCheckpoint = []byte("x") }}},
		lie{why: F15Malformed, name: "seed: a proof in a mode without", at: "roster", hooks: hooks{rosterMsg: func(m *protocol.Roster) { m.SeedProof = [][32]byte{{1}} }}})
	return out
}

// liesWithXWing are about the post-quantum keys and ciphertexts.
func liesWithXWing() []lie {
	var out []lie
	add := func(why Refusal, name, at string, k hooks) {
		out = append(out, lie{why: why, name: "X-Wing: " + name, at: at, kind: kind{aggregation.ModeSH, 2, 1, 1, 32, 1, 0}, hooks: k})
	}
	member := func(f func(k *protocol.KeyBundle)) hooks {
		return hooks{member: func(i int, k *protocol.KeyBundle, _ *ed25519.PrivateKey) {
			if i == 5 {
				k.KEM = slices.Clone(k.KEM)
				f(k)
			}
		}}
	}
	half := protocol.KEMKeysSize / 2
	add(F07BadKey, "no keys", "roster", member(func(k *protocol.KeyBundle) { k.KEM = nil }))
	add(F07BadKey, "a key whose curve part has low order", "roster", member(func(k *protocol.KeyBundle) { clear(k.KEM[half-32 : half]) }))
	add(F07BadKey, "mask key and sharing key are one", "roster", member(func(k *protocol.KeyBundle) { copy(k.KEM[half:], k.KEM[:half]) }))
	for name, from := range map[string]int{"mask": 0, "sharing": half} {
		var first []byte
		add(F07BadKey, "two members with one "+name+" key", "roster", hooks{member: func(i int, k *protocol.KeyBundle, _ *ed25519.PrivateKey) {
			switch i {
			case 4:
				first = slices.Clone(k.KEM[from : from+half])
			case 5:
				k.KEM = slices.Clone(k.KEM)
				copy(k.KEM[from:], first)
			}
		}})
	}
	msg := func(f func(*protocol.Delivery)) hooks { return hooks{delivery: f} }
	add(F15Malformed, "no ciphertexts of boxes", "delivery", msg(func(m *protocol.Delivery) { m.ShareCTs = nil }))
	add(F15Malformed, "a ciphertext of a box too many", "delivery", msg(func(m *protocol.Delivery) { m.ShareCTs = append(m.ShareCTs, m.ShareCTs[0]) }))
	add(F15Malformed, "no ciphertexts of masks", "delivery", msg(func(m *protocol.Delivery) { m.MaskCTs = nil }))
	add(F15Malformed, "a ciphertext of a mask too many", "delivery", msg(func(m *protocol.Delivery) { m.MaskCTs = append(m.MaskCTs, m.MaskCTs[0]) }))
	add(F09TooFew, "ciphertexts of boxes that were made for others", "delivery", msg(func(m *protocol.Delivery) { slices.Reverse(m.ShareCTs) }))
	out = append(out,
		lie{why: F07BadKey, name: "X-Wing: keys in a round without", at: "roster", hooks: hooks{member: func(i int, k *protocol.KeyBundle, _ *ed25519.PrivateKey) {
			if i == 5 {
				k.KEM = make([]byte, protocol.KEMKeysSize)
			}
		}}},
		lie{why: F15Malformed, name: "X-Wing: ciphertexts in a round without", at: "delivery", hooks: hooks{delivery: func(m *protocol.Delivery) {
			m.ShareCTs = make([][protocol.CiphertextSize]byte, len(m.Sealed))
		}}},
		lie{why: F15Malformed, name: "X-Wing: a mask's ciphertext in a round without", at: "delivery", hooks: hooks{delivery: func(m *protocol.Delivery) {
			m.MaskCTs = make([][protocol.CiphertextSize]byte, 1)
		}}})
	return out
}

// liesAboutCohorts are told to a device whose roster of 24 is cut into three.
func liesAboutCohorts() []lie {
	var out []lie
	add := func(why Refusal, name, at string, given func(h *honest, d *device)) {
		out = append(out, lie{why: why, name: "cohorts: " + name, at: at, kind: kind{aggregation.ModeSH, 1, 1, 1, 32, 3, 0}, given: given})
	}
	roster := func(f func(r *audit.Roster)) func(*honest, *device) {
		return func(h *honest, _ *device) { h.hooks.roster = f }
	}
	open := func(f func(o *audit.RoundOpen)) func(*honest, *device) {
		return func(h *honest, _ *device) { h.hooks.open = f }
	}
	add(F03BelowFloor, "none", "offer", open(func(o *audit.RoundOpen) { o.Cohorts = 0 }))
	add(F03BelowFloor, "more than the policy allows", "offer", open(func(o *audit.RoundOpen) { o.Cohorts = 4 }))
	add(F03BelowFloor, "more than there are members", "offer", open(func(o *audit.RoundOpen) { o.Cohorts = 1 << 31 }))
	add(F03BelowFloor, "too few in each", "roster", roster(func(r *audit.Roster) { r.N = 12 }))
	add(F03BelowFloor, "of different sizes", "roster", roster(func(r *audit.Roster) { r.N = 23 }))
	add(F03BelowFloor, "the threshold of fewer", "roster", roster(func(r *audit.Roster) { r.T-- }))
	add(F03BelowFloor, "neighbours across all", "roster", roster(func(r *audit.Roster) { r.K = 23; r.T = 13 }))
	other := func(h *honest) int { return h.ring.Members((h.cohort + 1) % 3)[0] }
	add(F13SurvivorsLie, "a survivor of another", "survivors", func(h *honest, _ *device) {
		h.hooks.bitmap = func(b []byte) { b[other(h)/8] |= 1 << (other(h) % 8) }
		h.hooks.survivors = func(r *audit.Survivors) { r.Count++ }
	})
	add(F13SurvivorsLie, "a survivor of another in a member's place", "survivors", func(h *honest, _ *device) {
		h.hooks.bitmap = func(b []byte) {
			b[other(h)/8] |= 1 << (other(h) % 8)
			lost := h.ring.Neighbours(h.own)[0]
			b[lost/8] &^= 1 << (lost % 8)
		}
	})
	add(F12ThinSurvivors, "too few of the own", "survivors", func(h *honest, _ *device) {
		h.hooks.delivery = func(*protocol.Delivery) { h.hooks.lost = h.ring.Neighbours(h.own)[:4] }
	})
	add(F01BadProof, "the survivors of another", "survivors", func(h *honest, _ *device) {
		h.hooks.survivors = func(r *audit.Survivors) { r.Cohort = (r.Cohort + 1) % 3 }
	})
	add(F13SurvivorsLie, "another's session", "survivors", func(h *honest, _ *device) {
		h.hooks.survivors = func(r *audit.Survivors) {
			r.SID = aggregation.SessionID(h.openHash, h.rosterHash, h.seed(), (r.Cohort+1)%3)
		}
	})
	add(F02RivalEntry, "earlier survivors of the own", "survivors", func(h *honest, _ *device) {
		h.hooks.between = func(h *honest) {
			h.seal(&audit.Survivors{Open: h.openHash, Roster: h.rosterHash, Cohort: uint32(h.cohort), SID: h.sid, Count: 8})
		}
	})
	add(F02RivalEntry, "the end of fewer", "close", func(h *honest, _ *device) {
		h.hooks.close = func(r *audit.RoundClose) {
			r.Survivors, r.SumHash = r.Survivors[:h.cohort], r.SumHash[:h.cohort]
			if h.cohort == 0 {
				r.Survivors, r.SumHash = make([][32]byte, 1), make([][32]byte, 1)
			}
		}
	})
	add(F02RivalEntry, "the end of another's survivors in the own's place", "close", func(h *honest, _ *device) {
		h.hooks.close = func(r *audit.RoundClose) { r.Survivors[h.cohort] = r.Survivors[(h.cohort+1)%3] }
	})
	return out
}

// liesInPackedWords let a sum wrap.
func liesInPackedWords() []lie {
	var out []lie
	for _, bits := range []uint16{24, 16} {
		add := func(name, at string, f func(h *honest)) {
			out = append(out, lie{why: F03BelowFloor, name: "packed words: " + name, at: at, kind: kind{aggregation.ModeSH, 1, 1, 1, bits, 1, 0}, given: func(h *honest, _ *device) { f(h) }})
		}
		open := func(f func(o *audit.RoundOpen)) func(h *honest) { return func(h *honest) { h.hooks.open = f } }
		add("no bound", "offer", open(func(o *audit.RoundOpen) { o.XMax = 0 }))
		add("a bound above the norm", "offer", open(func(o *audit.RoundOpen) { o.XMax = o.CInt + 1 }))
		add("other words than the policy's", "offer", open(func(o *audit.RoundOpen) { o.WordBits = 40 - o.WordBits }))
	}
	wrap := kind{aggregation.ModeSH, 1, 1, 1, 16, 1, 0}
	out = append(out, lie{why: F03BelowFloor, name: "packed words: as many members as wrap", at: "roster", kind: wrap, hooks: hooks{open: func(o *audit.RoundOpen) { o.XMax = 40 },
		roster: func(r *audit.Roster) { r.N, r.K, r.T = 900, 899, 473 }}})
	return out
}
