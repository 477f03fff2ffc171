package participant

import (
	"crypto/sha256"
	"math"
	"slices"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// liesAboutTheLog are told in the evidence of an offer; every other message's evidence goes the same way.
func liesAboutTheLog() []lie {
	ev := func(f func(*protocol.Evidence)) hooks { return hooks{evidence: f} }
	sealed := func(f func(h *honest)) func(*honest, *device) { return func(h *honest, _ *device) { f(h) } }
	later := func(f func(h *honest, d *device)) func(*honest, *device) {
		return func(h *honest, d *device) { d.play(h, "close"); f(h, d) }
	}
	return []lie{
		{why: F01BadProof, name: "no checkpoint", at: "offer", hooks: ev(func(e *protocol.Evidence) { e.Checkpoint = nil })},
		{why: F01BadProof, name: "a checkpoint of another log key", at: "offer", given: sealed(func(h *honest) { h.logKey = testKey("stranger") })},
		{why: F01BadProof, name: "entries signed by another coordinator", at: "offer", given: sealed(func(h *honest) { h.sealKey = testKey("stranger") })},
		{why: F01BadProof, name: "no entries", at: "offer", hooks: ev(func(e *protocol.Evidence) { e.Entries = nil })},
		{why: F01BadProof, name: "no round among the entries", at: "offer", hooks: ev(func(e *protocol.Evidence) { e.Entries = e.Entries[:2] })},
		{why: F01BadProof, name: "no policy among the entries", at: "offer", hooks: ev(func(e *protocol.Evidence) { e.Entries = e.Entries[1:] })},
		{why: F01BadProof, name: "an entry that is not in the tree", at: "offer", hooks: ev(func(e *protocol.Evidence) { e.Entries[2].Proof[0][0] ^= 1 })},
		{why: F01BadProof, name: "an entry at another index", at: "offer", hooks: ev(func(e *protocol.Evidence) { e.Entries[2].Index-- })},
		{why: F01BadProof, name: "an entry with another byte", at: "offer", hooks: ev(func(e *protocol.Evidence) {
			e.Entries[2].Entry = append([]byte(nil), e.Entries[2].Entry...)
			e.Entries[2].Entry[20] ^= 1
		})},
		{why: F01BadProof, name: "a tree older than one seen", at: "offer", given: later(func(h *honest, d *device) {
			h.log, h.entries, h.round, h.seen = audit.NewLog(), nil, 0, 0
		})},
		{why: F01BadProof, name: "another tree of more entries", at: "offer", given: later(func(h *honest, d *device) {
			n := h.log.Size()
			h.log, h.entries, h.seen = audit.NewLog(), nil, 0
			for range n {
				h.seal(&audit.BudgetExhausted{})
			}
			h.round = 0
		})},
		{why: F01BadProof, name: "no proof that the tree only grew", at: "offer", given: later(func(h *honest, _ *device) {
			h.hooks.evidence = func(e *protocol.Evidence) { e.Consistency = nil }
		})},
		{why: F01BadProof, name: "a forked tree in the welcome", at: "connected", play: func(h *honest, d *device) {
			d.play(h, "close")
			h.hooks.evidence = func(e *protocol.Evidence) { e.Checkpoint[len(e.Checkpoint)-5] ^= 1 }
			d.step(h, Event{Msg: &protocol.Welcome{Evidence: h.prove()}})
		}},
	}
}

// liesAboutTheTerms weaken a round below the device's own floor, or its times.
func liesAboutTheTerms() []lie {
	var out []lie
	add := func(why Refusal, name string, f func(*audit.RoundOpen)) {
		out = append(out, lie{why: why, name: name, at: "offer", hooks: hooks{open: f}})
	}
	for name, f := range weakerTerms() {
		add(F03BelowFloor, name, f)
	}
	add(F05UnknownCode, "length", func(o *audit.RoundOpen) { o.D++ })
	add(F05UnknownCode, "layout", func(o *audit.RoundOpen) { o.LayoutHash[0] ^= 1 })
	add(F05UnknownCode, "code hash", func(o *audit.RoundOpen) { o.CodeHash[0] ^= 1 })
	add(F17NoConsent, "a question that is not shown", func(o *audit.RoundOpen) { o.Question[0] ^= 1 })
	add(F11Stale, "round 0", func(o *audit.RoundOpen) { o.Round = 0 })
	add(F16Clock, "opened a day ago", func(o *audit.RoundOpen) { o.OpenedAt -= 24*3600 + 1 })
	add(F16Clock, "opened tomorrow", func(o *audit.RoundOpen) { o.OpenedAt += 24*3600 + 1 })
	add(F16Clock, "opened beyond all time", func(o *audit.RoundOpen) { o.OpenedAt = math.MaxUint64 })
	add(F16Clock, "deadlines run backwards", func(o *audit.RoundOpen) { o.Deadlines[3] = o.Deadlines[2] - 1 })
	add(F16Clock, "no deadline", func(o *audit.RoundOpen) { o.Deadlines[0] = 0 })
	add(F16Clock, "a round that lasts longer than secrets are kept", func(o *audit.RoundOpen) { o.Deadlines[4] = longestRound + 1 })
	out = append(out,
		lie{why: F04WrongModel, name: "another file", at: "model", hooks: hooks{open: func(o *audit.RoundOpen) { o.ModelIn[0] ^= 1 }}},
		lie{why: F04WrongModel, name: "a file this device does not take", at: "model", play: func(h *honest, d *device) {
			d.play(h, "offer")
			d.step(h, Event{Model: &ModelReady{Refused: "the model has 5 bytes, this device takes up to 4"}})
			if d.refused == nil || d.refused.Detail != "the model has 5 bytes, this device takes up to 4" {
				h.t.Errorf("its owner is told %v", d.refused)
			}
		}},
		lie{why: F16Clock, name: "opened before an earlier round", at: "offer", given: func(h *honest, d *device) {
			d.play(h, "close")
			h.now = h.now.Add(-time.Second)
		}},
		lie{why: F11Stale, name: "the same number again", at: "offer", given: func(h *honest, d *device) {
			d.play(h, "close")
			h.round--
		}},
		lie{why: F11Stale, name: "a lower number after a round without an end", at: "offer", given: func(h *honest, d *device) {
			h.round = 0
			h.hooks.open = func(o *audit.RoundOpen) { o.Round = 7 }
			d.play(h, "delivery")
			h.hooks.open = nil
		}},
		lie{why: F03BelowFloor, name: "policy demo with a log that is not a demo's", at: "offer", given: func(h *honest, d *device) {
			d.cfg.Floor.LoopOnly = true
			d.cfg.LogOrigin = testOrigin
			d.boot()
			d.machine.cfg.LogOrigin = testOrigin + "s"
			h.hooks.evidence = func(e *protocol.Evidence) {
				size := h.log.Size()
				e.Checkpoint, _ = audit.SignCheckpoint(testOrigin+"s", h.logKey, size, h.log.Root(size))
			}
		}})
	return out
}

// weakerTerms alter one field each so that the round is below testFloor. TestEveryFieldOfARoundIsDecided asks for a line per
// field.
func weakerTerms() map[string]func(*audit.RoundOpen) {
	return map[string]func(*audit.RoundOpen){
		"NMin":       func(o *audit.RoundOpen) { o.NMin = 4 },
		"GammaBP":    func(o *audit.RoundOpen) { o.GammaBP = 499 },
		"DeltaBP":    func(o *audit.RoundOpen) { o.DeltaBP = 6001 },
		"Lambda":     func(o *audit.RoundOpen) { o.Lambda = 39 },
		"Eta":        func(o *audit.RoundOpen) { o.Eta = 9 },
		"C":          func(o *audit.RoundOpen) { o.C = math.Float32bits(10.5) },
		"C is NaN":   func(o *audit.RoundOpen) { o.C = math.Float32bits(float32(math.NaN())) },
		"C is 0":     func(o *audit.RoundOpen) { o.C = 0 },
		"CInt":       func(o *audit.RoundOpen) { o.CInt = 200; o.XMax = 200; recharge(o) },
		"CInt small": func(o *audit.RoundOpen) { o.CInt = 40; o.XMax = 40; recharge(o) },
		"XMax":       func(o *audit.RoundOpen) { o.XMax++ },
		"SigmaTotSq": func(o *audit.RoundOpen) { o.SigmaTotSq = uint64(o.CInt)*uint64(o.CInt)/4 - 1; recharge(o) },
		"a wrap":     func(o *audit.RoundOpen) { o.SigmaTotSq = 1 << 62; recharge(o) },
		"RhoUnits":   func(o *audit.RoundOpen) { o.RhoUnits-- },
		"P":          func(o *audit.RoundOpen) { o.P = 9 },
		"B":          func(o *audit.RoundOpen) { o.B = 0 },
		"WordBits":   func(o *audit.RoundOpen) { o.WordBits = 16 },
		"Kex":        func(o *audit.RoundOpen) { o.Kex = 2 },
		"PRG":        func(o *audit.RoundOpen) { o.PRG = 2 },
		"Sig":        func(o *audit.RoundOpen) { o.Sig = 0 },
		"Mode W":     func(o *audit.RoundOpen) { o.Mode = 1 },
		"Mode":       func(o *audit.RoundOpen) { o.Mode = 2 },
		"SeedKind":   func(o *audit.RoundOpen) { o.SeedKind = 1 },
		"Cohorts":    func(o *audit.RoundOpen) { o.Cohorts = 2 },
		"SigmaBitSq": func(o *audit.RoundOpen) { o.SigmaBitSq = 1 },
	}
}

// recharge makes the charge fit, so that the weaker noise itself must be noticed.
func recharge(o *audit.RoundOpen) {
	units, err := privacy.Charge(o.CInt, o.SigmaTotSq)
	if err == nil {
		o.RhoUnits = uint64(units)
	}
}

// liesOfTheQuestion ask more than the question that the owner agreed to, or ask something else.
func liesOfTheQuestion() []lie {
	var out []lie
	add := func(why Refusal, name string, f func(*audit.Question)) {
		out = append(out, lie{why: why, name: "question: " + name, at: "offer", hooks: hooks{question: f}})
	}
	add(F03BelowFloor, "smaller clip", func(q *audit.Question) { q.C = math.Float32bits(1.5) })
	add(F03BelowFloor, "clip is NaN", func(q *audit.Question) { q.C = math.Float32bits(float32(math.NaN())) })
	add(F03BelowFloor, "smaller norm", func(q *audit.Question) { q.CInt-- })
	add(F03BelowFloor, "more noise", func(q *audit.Question) { q.SigmaTotSq++ })
	add(F03BelowFloor, "larger rosters", func(q *audit.Question) { q.NMin = 6 })
	add(F03BelowFloor, "fewer participations", func(q *audit.Question) { q.P = 7 })
	add(F03BelowFloor, "wider spacing", func(q *audit.Question) { q.B = 2 })
	add(F05UnknownCode, "another layout", func(q *audit.Question) { q.LayoutHash[0] ^= 1 })
	add(F05UnknownCode, "another length", func(q *audit.Question) { q.D++ })
	add(F05UnknownCode, "another code", func(q *audit.Question) { q.CodeHash[0] ^= 1 })
	add(F17NoConsent, "a purpose that is off", func(q *audit.Question) { q.ID = "trending" })
	add(F17NoConsent, "expired", func(q *audit.Question) { q.Expiry = 1_800_000_000 })
	add(F17NoConsent, "an unknown kind", func(q *audit.Question) { q.Kind = 3 })
	out = append(out, lie{why: F17NoConsent, name: "changed since the owner agreed", at: "offer", given: func(h *honest, d *device) {
		d.play(h, "close")
		q, err := audit.OpenEntry(public(h.key), h.entries[h.questionAt])
		h.must(err)
		q.(*audit.Question).Version++
		h.questionAt = h.seal(q)
	}})
	code := func(name string, b []byte) {
		out = append(out, lie{why: F05UnknownCode, name: name, at: "offer", given: func(h *honest, _ *device) { h.code = b }})
	}
	code("a function nobody knows", slices.Concat([]byte{0, 0, 0, 5}, []byte("spies\x00\x00\x00\x01")))
	code("a version nobody knows", slices.Concat([]byte{0, 0, 0, 9}, []byte("two-tower\x00\x00\x00\x02")))
	code("a name without an end", []byte{0, 0, 1, 0, 1, 2, 3, 4, 5})
	code("no code", nil)
	out = append(out, lie{why: F05UnknownCode, name: "code that is not the logged one", at: "offer",
		hooks: hooks{offer: func(o *protocol.Offer) { o.Code = append(o.Code, 0) }}})
	return out
}

// liesOfTheDevice are in what it spent, and in what it computed.
func liesOfTheDevice() []lie {
	policy := func(f func(*audit.PolicyChange)) hooks { return hooks{policy: f} }
	floor := func(f func(*Floor)) func(*honest, *device) {
		return func(h *honest, d *device) { d.play(h, "close"); f(&d.cfg.Floor); d.boot() }
	}
	trained := func(f func(*Trained)) func(*honest, *device) {
		return func(h *honest, d *device) {
			d.play(h, "model")
			e := d.event(h, "trained")
			f(e.Trained)
			d.step(h, e)
		}
	}
	signed := func(seq uint64, key string) func(*honest, *device) {
		return func(h *honest, d *device) {
			d.play(h, "close")
			header := &protocol.Input{LedgerSeq: seq, YHash: sha256.Sum256([]byte("y"))}
			header.Sign(protocol.Signer{Ed: testKey(key)})
			d.step(h, Event{Msg: &protocol.Welcome{Evidence: h.prove(), LastHeader: header.Append(nil)}})
		}
	}
	return []lie{
		{why: F10Budget, name: "the period's ceiling", at: "offer", given: floor(func(f *Floor) { f.Ceiling = 1 << 40 })},
		{why: F10Budget, name: "participations", at: "offer", given: floor(func(f *Floor) { f.P = 1 }),
			hooks: hooks{open: func(o *audit.RoundOpen) { o.P = 1 }}},
		{why: F10Budget, name: "separation", at: "offer", given: floor(func(f *Floor) { f.B = 2 }),
			hooks: hooks{open: func(o *audit.RoundOpen) { o.B = 2 }}},
		{why: F10Budget, name: "the logged ceiling", at: "offer", hooks: policy(func(p *audit.PolicyChange) { p.CeilingUnits = 1<<40 - 1 })},
		{why: F10Budget, name: "the logged participations", at: "offer", hooks: policy(func(p *audit.PolicyChange) { p.P = 1 }), given: floor(func(*Floor) {})},
		{why: F10Budget, name: "the logged separation", at: "offer", hooks: policy(func(p *audit.PolicyChange) { p.B = 2 }), given: floor(func(*Floor) {})},
		{why: F10Budget, name: "an old copy of the ledger", at: "connected", play: signed(2, "the device")},
		{why: F10Budget, name: "an old copy, remembered", at: "offer", given: func(h *honest, d *device) {
			signed(2, "the device")(h, d)
			d.refused = nil
			d.boot()
		}},
		{why: F10Budget, name: "a ledger whose end was cut off", at: "offer", given: func(h *honest, d *device) {
			d.play(h, "close")
			d.entries = nil
			d.boot()
		}},
		{why: F10Budget, name: "spent by another since the offer", at: "delivery", play: func(h *honest, d *device) {
			d.play(h, "roster")
			d.machine.ledger = privacy.NewLedger(privacy.Limits{})
			d.step(h, d.event(h, "delivery"))
		}},
		{why: F07BadKey, name: "a last header that this device never signed", at: "connected", play: signed(9, "stranger")},
		{why: F15Malformed, name: "a last header that is none", at: "connected", play: func(h *honest, d *device) {
			d.play(h, "connected")
			d.step(h, Event{Msg: &protocol.Welcome{Evidence: h.prove(), LastHeader: []byte{1}}})
		}},
		{why: F03BelowFloor, name: "smaller rosters than logged", at: "offer", hooks: policy(func(p *audit.PolicyChange) { p.NMin = 6 })},
		{why: F03BelowFloor, name: "fewer corrupt than logged", at: "offer", hooks: policy(func(p *audit.PolicyChange) { p.GammaBP = 501 })},
		{why: F03BelowFloor, name: "more losses than logged", at: "offer", hooks: policy(func(p *audit.PolicyChange) { p.DeltaBP = 5999 })},
		{why: F03BelowFloor, name: "shorter ledger periods than the policy's", at: "offer", hooks: policy(func(p *audit.PolicyChange) { p.PeriodSeconds = month - 1 })},
		{why: F03BelowFloor, name: "ledger periods of no length", at: "offer", hooks: policy(func(p *audit.PolicyChange) { p.PeriodSeconds = 0 })},
		{why: F03BelowFloor, name: "ledger periods shorter than an auditor allows, whatever the policy says", at: "offer",
			hooks: policy(func(p *audit.PolicyChange) { p.PeriodSeconds = audit.MinPeriodSeconds - 1 }),
			given: func(_ *honest, d *device) { d.cfg.Floor.Period = 1; d.boot() }},
		{why: F05UnknownCode, name: "an answer on another layout", at: "trained", play: trained(func(e *Trained) { e.LayoutHash[0] ^= 1 })},
		{why: F05UnknownCode, name: "an answer of another length", at: "trained", play: trained(func(e *Trained) { e.Update = e.Update.(Floats)[1:] })},
		{why: F15Malformed, name: "an answer with NaN", at: "trained", play: trained(func(e *Trained) { e.Update.(Floats)[3] = float32(math.NaN()) })},
		{why: F15Malformed, name: "an answer without bound", at: "trained", play: trained(func(e *Trained) { e.Update.(Floats)[3] = float32(math.Inf(1)) })},
		{why: F15Malformed, name: "a message that only devices send", at: "connected", play: func(h *honest, d *device) {
			d.play(h, "connected")
			d.step(h, Event{Msg: &protocol.Hello{}})
		}},
	}
}
