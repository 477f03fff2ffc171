package participant

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// liesAboutWitnesses are told to a device that has pinned a policy of three witnesses, of whom two are enough.
func liesAboutWitnesses() []lie {
	var out []lie
	add := func(why Refusal, name, at string, given func(h *honest, d *device)) {
		out = append(out, lie{why: why, name: "witnesses: " + name, at: at, seen: 3, given: given})
	}
	note := func(f func(h *honest, note []byte) []byte) func(*honest, *device) {
		return func(h *honest, _ *device) {
			h.hooks.note = func(b []byte) []byte { return f(h, b) }
		}
	}
	unsigned := func(b []byte, left int) []byte { // with the log's line and so many more
		lines := bytes.SplitAfter(b, []byte("\n"))
		return bytes.Join(lines[:5+left], nil)
	}
	add(F01BadProof, "nobody signed", "offer", note(func(_ *honest, b []byte) []byte { return unsigned(b, 0) }))
	add(F01BadProof, "fewer than the quorum", "offer", note(func(_ *honest, b []byte) []byte { return unsigned(b, 1) }))
	add(F01BadProof, "one signature twice", "offer", note(func(_ *honest, b []byte) []byte {
		lines := bytes.SplitAfter(b, []byte("\n"))
		return bytes.Join(slices.Insert(lines, 6, lines[5]), nil)
	}))
	add(F01BadProof, "a stranger among them", "offer", func(h *honest, _ *device) {
		h.policy.Witnesses = slices.Clone(h.policy.Witnesses)
		h.policy.Witnesses[2].Name = "stranger"
	})
	add(F01BadProof, "one whose key changed", "offer", func(h *honest, _ *device) {
		h.witnesses = slices.Clone(h.witnesses)
		h.witnesses[1] = testKey("stranger")
		h.policy.Witnesses = slices.Clone(h.policy.Witnesses)
		h.policy.Witnesses[1].Key = public(h.witnesses[1])
	})
	for _, at := range []string{"roster", "survivors", "close"} {
		add(F01BadProof, "nobody signed what the "+at+" rests on", at, func(h *honest, d *device) {
			h.hooks.note = func(b []byte) []byte {
				if stage := map[string]bool{"roster": len(h.leaves) > 0, "survivors": h.inputLeaves != nil, "close": d.machine.st.Phase == answered}; stage[at] {
					return unsigned(b, 0)
				}
				return b
			}
		})
	}
	add(F01BadProof, "an older tree that they signed", "offer", func(h *honest, d *device) {
		d.play(h, "close")
		old := h.checkpoint(h.log.Size() - 1)
		h.hooks.note = func([]byte) []byte { return old }
	})
	add(F03BelowFloor, "the round names another policy", "offer", func(h *honest, _ *device) {
		h.hooks.open = func(o *audit.RoundOpen) { o.WitnessPolicy[0] ^= 1 }
	})
	add(F03BelowFloor, "the round names none", "offer", func(h *honest, _ *device) {
		h.hooks.open = func(o *audit.RoundOpen) { o.WitnessPolicy = [32]byte{} }
	})
	add(F16Clock, "a signature of a day ago", "offer", func(h *honest, _ *device) { h.clocks[1] = -clockSlack - time.Second })
	add(F16Clock, "a signature of tomorrow", "offer", func(h *honest, _ *device) { h.clocks[2] = clockSlack + time.Second })
	add(F16Clock, "opened a day before they signed", "offer", func(h *honest, _ *device) {
		h.clocks = []time.Duration{time.Hour, time.Hour, time.Hour}
		h.hooks.open = func(o *audit.RoundOpen) { o.OpenedAt -= 24*3600 - 1 }
	})
	add(F17NoConsent, "a question that expired by their clocks", "offer", func(h *honest, _ *device) {
		h.hooks.question = func(q *audit.Question) { q.Expiry = uint64(h.now.Unix()) - 10 }
		h.hooks.open = func(o *audit.RoundOpen) { o.OpenedAt -= 20 }
	})
	return out
}

// liesAmongConfirmations are told in mode SM, where the answer waits for what the neighbours signed.
func liesAmongConfirmations() []lie {
	var out []lie
	add := func(why Refusal, name string, k hooks, play func(h *honest, d *device)) {
		if play == nil {
			play = func(h *honest, d *device) { d.play(h, "close") }
		}
		for _, sig := range []uint16{protocol.SigEd25519, protocol.SigHybrid} {
			suite := map[uint16]string{protocol.SigEd25519: "", protocol.SigHybrid: ", in both suites"}
			out = append(out, lie{why: why, name: "confirmations: " + name + suite[sig], at: "confirmed", mode: aggregation.ModeSM, sig: sig, hooks: k, play: func(h *honest, d *device) {
				play(h, d)
				if len(allOf[*protocol.Reveal](d)) > 0 {
					h.t.Error("it answered")
				}
			}})
		}
	}
	msg := func(f func(*protocol.Confirmed)) hooks { return hooks{confirmed: f} }
	add(F13SurvivorsLie, "the neighbours were shown another set", hooks{confirm: func(_ int, c *protocol.Confirm, _ *protocol.Signer) { c.Digest[0] ^= 1 }}, nil)
	add(F13SurvivorsLie, "one neighbour was shown another set", hooks{confirm: func(_ int, c *protocol.Confirm, _ *protocol.Signer) { c.Digest[0] ^= 1 },
		confirmed: func(m *protocol.Confirmed) { m.Confirms = m.Confirms[3:4] }}, nil)
	add(F12ThinSurvivors, "too few", msg(func(m *protocol.Confirmed) { m.Confirms = m.Confirms[:3] }), nil)
	add(F12ThinSurvivors, "none", msg(func(m *protocol.Confirmed) { m.Confirms = nil }), nil)
	add(F12ThinSurvivors, "none, of another set", msg(func(m *protocol.Confirmed) { m.Confirms = nil; m.Digest[0] ^= 1 }), nil)
	add(F07BadKey, "a signature by another key", hooks{confirm: func(i int, _ *protocol.Confirm, key *protocol.Signer) {
		if i == 5 {
			key.Ed = testKey("stranger")
		}
	}}, nil)
	add(F07BadKey, "signatures of another set under this one's name", msg(func(m *protocol.Confirmed) { m.Confirms[0].Sig = m.Confirms[1].Sig }), nil)
	add(F15Malformed, "one neighbour twice", msg(func(m *protocol.Confirmed) { m.Confirms[1] = m.Confirms[0] }), nil)
	add(F15Malformed, "out of order", msg(func(m *protocol.Confirmed) { slices.Reverse(m.Confirms) }), nil)
	add(F15Malformed, "no neighbour", msg(func(m *protocol.Confirmed) { m.Confirms[6].Index = 2 }), nil) // the device itself
	add(F14AskedTwice, "a second set while the first is confirmed", hooks{}, func(h *honest, d *device) {
		d.play(h, "survivors")
		d.boot()
		h.hooks.lost = []int{4}
		d.step(h, Event{Msg: h.survivors()})
	})
	out[len(out)-1].at, out[len(out)-2].at = "confirmed", "confirmed"
	out = append(out,
		lie{why: F15Malformed, name: "confirmations of what was not asked", at: "survivors", mode: aggregation.ModeSM, play: func(h *honest, d *device) {
			d.play(h, "receipt")
			d.step(h, Event{Msg: &protocol.Confirmed{SID: h.sid}})
		}},
		lie{why: F15Malformed, name: "confirmations in a mode without any", at: "close", play: func(h *honest, d *device) {
			d.play(h, "survivors")
			d.step(h, Event{Msg: &protocol.Confirmed{SID: h.sid, Digest: d.machine.st.Digest}})
		}},
		lie{why: F15Malformed, name: "a confirmation, which only devices send", at: "survivors", mode: aggregation.ModeSM, play: func(h *honest, d *device) {
			d.play(h, "receipt")
			d.step(h, Event{Msg: &protocol.Confirm{SID: h.sid}})
		}})
	return out
}

// liesInBothSuites leave a half of a signature or of a certificate out, or take another's.
func liesInBothSuites() []lie {
	var out []lie
	add := func(why Refusal, name, at string, k hooks, given func(*honest, *device)) {
		out = append(out, lie{why: why, name: "both suites: " + name, at: at, sig: protocol.SigHybrid, hooks: k, given: given})
	}
	bundle := func(f func(h *protocol.KeyBundle)) hooks {
		return hooks{rosterMsg: func(m *protocol.Roster) { f(&m.Peers[3].Key) }}
	}
	member := func(f func(*protocol.KeyBundle)) func(*honest, *device) {
		return func(h *honest, _ *device) {
			h.hooks.member = func(i int, k *protocol.KeyBundle, _ *ed25519.PrivateKey) {
				if i == 5 {
					f(k)
				}
			}
		}
	}
	add(F03BelowFloor, "a round in one suite", "offer", hooks{open: func(o *audit.RoundOpen) { o.Sig = protocol.SigEd25519 }}, nil)
	for name, f := range map[string]func(*Config){"the authority's": func(c *Config) { c.AuthorityPQ = nil }, "the coordinator's": func(c *Config) { c.CoordinatorPQ = nil },
		"its own": func(c *Config) { c.CertPQ = nil }} {
		add(F03BelowFloor, "the device does not have "+name+" key", "offer", hooks{}, func(_ *honest, d *device) { f(&d.cfg); d.boot() })
	}
	add(F06BadCertificate, "no second half of a certificate", "roster", hooks{}, member(func(k *protocol.KeyBundle) { k.CertPQ = nil }))
	add(F06BadCertificate, "a second half by another authority", "roster", hooks{}, member(func(k *protocol.KeyBundle) {
		_, stranger := protocol.MLDSAKey(testKey("stranger"))
		pub, _ := protocol.MLDSAKey(testKey("member 5"))
		k.CertPQ = protocol.IssuePQ(stranger, k.Cert, pub)
	}))
	add(F06BadCertificate, "a second half of another certificate", "roster", hooks{}, func(h *honest, _ *device) {
		h.hooks.member = func(i int, k *protocol.KeyBundle, _ *ed25519.PrivateKey) {
			if i == 5 {
				key, cert := h.cert("member 6", protocol.ClassDevice)
				k.CertPQ = h.certPQ(cert, key)
			}
		}
	})
	add(F07BadKey, "a second half of another key", "roster", hooks{}, func(h *honest, _ *device) {
		h.hooks.member = func(i int, k *protocol.KeyBundle, _ *ed25519.PrivateKey) {
			if i == 5 {
				k.CertPQ = h.certPQ(k.Cert, testKey("stranger"))
			}
		}
	})
	add(F07BadKey, "no second signature of a member", "roster", bundle(func(k *protocol.KeyBundle) { k.SigPQ = nil }), nil)
	add(F07BadKey, "no second signature of a receipt", "receipt", hooks{receipt: func(r *protocol.Receipt) { r.SigPQ = nil }}, nil)
	add(F07BadKey, "a receipt's second signature by another key", "receipt", hooks{receipt: func(r *protocol.Receipt) {
		r.SigPQ = (&protocol.Receipt{SID: r.SID, Index: r.Index, YHash: r.YHash}).SigPQ
		other := *r
		other.Sign(protocol.Identity{Key: testKey("stranger")}.Signer(protocol.SigHybrid))
		r.SigPQ = other.SigPQ
	}}, nil)
	return out
}
