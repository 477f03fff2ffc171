package audit

func forgedTerms() []forgery {
	weaker := func(name string, change func(*RoundOpen)) forgery {
		return forgery{name: name, want: "A10", plot: before(atOpen7, change)}
	}
	return []forgery{
		weaker("a smaller n_min", func(r *RoundOpen) { r.NMin = 8 }),
		weaker("a smaller γ", func(r *RoundOpen) { r.GammaBP = 499 }),
		weaker("a larger δ", func(r *RoundOpen) { r.DeltaBP = 1501 }),
		weaker("more participations", func(r *RoundOpen) { r.P = 5 }),
		weaker("no distance", func(r *RoundOpen) { r.B = 0 }),
		weaker("another length", func(r *RoundOpen) { r.D = 99 }),
		weaker("another layout", func(r *RoundOpen) { r.LayoutHash = h(1) }),
		{name: "a clip bit that nobody asked for", want: "A10", plot: both(before(atOpen7, func(r *RoundOpen) { r.SigmaBitSq = 4096 }),
			before(atPolicy2, func(r *PolicyChange) { r.CeilingUnits *= 2 }))},
		{name: "a question of a kind that there is not", want: "A10", plot: every(func(q *Question) { q.Kind = 3 })},
		weaker("a larger clip", func(r *RoundOpen) { r.C++ }),
		weaker("a clip that is no number", func(r *RoundOpen) { r.C = 0x7fc00000 }),
		weaker("a negative clip", func(r *RoundOpen) { r.C = 0xbf000000 }),
		weaker("an unknown key agreement", func(r *RoundOpen) { r.Kex = 3 }),
		weaker("no mask generator", func(r *RoundOpen) { r.PRG = 0 }),
		weaker("an unknown signature", func(r *RoundOpen) { r.Sig = 3 }),
		weaker("an unknown seed kind", func(r *RoundOpen) { r.SeedKind = 4 }),
		weaker("a cosigned seed in mode SH", func(r *RoundOpen) { r.SeedKind = 1 }),
		weaker("a plain seed in mode W", func(r *RoundOpen) { r.Mode = 1 }),
		weaker("a beacon's seed in mode W", func(r *RoundOpen) { r.Mode, r.SeedKind, r.Lambda, r.WitnessPolicy = 1, 2, 80, h(1) }),
		weaker("a beacon's seed in mode SH", func(r *RoundOpen) { r.SeedKind = 2 }),
		weaker("a cosigned seed at λ = 79", func(r *RoundOpen) { r.Mode, r.SeedKind, r.Lambda, r.WitnessPolicy = 1, 1, 79, h(1) }),
		weaker("mode W without a policy", func(r *RoundOpen) { r.Mode, r.SeedKind, r.Lambda = 1, 1, 80 }),
		{name: "a larger norm", want: "A10", plot: both(before(atOpen7, func(r *RoundOpen) { r.CInt, r.XMax = 81, 81 }), before(atPolicy2, func(r *PolicyChange) { r.CeilingUnits *= 2 }))},
		{name: "less noise", want: "A10", plot: both(before(atOpen7, func(r *RoundOpen) { r.SigmaTotSq = 1599 }), before(atPolicy2, func(r *PolicyChange) { r.CeilingUnits *= 2 }))},
		{name: "a roster below the policy alone", want: "A10", plot: before(atPolicy2, func(r *PolicyChange) { r.NMin = 10 })},
		{name: "a spacing below the policy alone", want: "A10", plot: before(atPolicy2, func(r *PolicyChange) { r.B = 2 })},
		{name: "participations above the question alone", want: "A10", plot: both(before(atPolicy2, func(r *PolicyChange) { r.P = 9 }), before(atOpen7, func(r *RoundOpen) { r.P = 5 }))},
		{name: "other code than the question's", want: "A10", plot: both(before(atOpen7, func(r *RoundOpen) { r.CodeHash = h(0xc7) }), with(atOpen6, &CodeRelease{CodeHash: h(0xc7), Name: "ncf"}))},
		{name: "a question that is not logged", want: "A10", spoil: at(atOpen2, func(r *RoundOpen) { r.Question = h(1) })},
		{name: "a question that expired", want: "A10", plot: before(atQuestion, func(r *Question) { r.Expiry = testStart + testPeriod + 1000 })},
		{name: "no policy yet", want: "A10", plot: move(atPolicy, atOpen1)},
		{name: "a log that no witness signed", want: "W1", o: Options{Witnesses: []WitnessPolicy{witnesses(1, 1)}}},
		{name: "a close with another clip", want: "A10", spoil: at(atClose6, func(r *RoundClose) { r.C-- })},
	}
}
