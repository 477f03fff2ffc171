package hostile

// The steps of a round that nothing is wrong with, for whoever wants to go wrong later.

// Play plays a whole round that nothing is wrong with.
func (s *Coordinator) Play() *View {
	s.t.Helper()
	v, set := s.answered(everyone)
	v.Closes(set)
	return v
}

// offered plays to where every device advertised its keys.
func (s *Coordinator) offered() *Round {
	s.t.Helper()
	r := s.Opens(s.Log, nil)
	for _, d := range s.Devices {
		r.Offer(s.Log, d, nil)
	}
	return r
}

// shared plays to where every device sealed its shares.
func (s *Coordinator) shared() *View {
	s.t.Helper()
	r := s.offered()
	v := r.Freeze(s.Log, r.Everyone(), nil)
	for _, d := range s.Devices {
		v.Keys(d, nil)
	}
	return v
}

// uploaded plays to where every device sent its masked vector.
func (s *Coordinator) uploaded() *View {
	s.t.Helper()
	v := s.shared()
	v.uploads()
	return v
}

// uploads goes on from shares to vectors.
func (v *View) uploads() {
	s := v.r.s
	s.t.Helper()
	for _, d := range s.Devices {
		v.Deliver(d, nil, nil)
	}
	for _, d := range s.Devices {
		v.Receipt(d)
	}
}

// answered plays to where every device in the set gave its shares.
func (s *Coordinator) answered(in func(i int) bool) (*View, Set) {
	s.t.Helper()
	v := s.uploaded()
	return v, v.answers(in)
}

// answers goes on from vectors to shares of those in the set.
func (v *View) answers(in func(i int) bool) Set {
	v.r.s.t.Helper()
	set := v.Seals(in, nil)
	v.AskAll(set, v.devices(in)...)
	return set
}

// everyone is the set of all.
func everyone(int) bool { return true }

// but is the set without some.
func but(out ...int) func(int) bool {
	return func(i int) bool {
		for _, o := range out {
			if i == o {
				return false
			}
		}
		return true
	}
}

// devices are the honest members of a set.
func (v *View) devices(in func(int) bool) []*Device {
	var out []*Device
	for i, m := range v.Members {
		if m.Device != nil && in(i) {
			out = append(out, m.Device)
		}
	}
	return out
}

// upTo is 0, …, n−1.
func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// where lists the indices of a set.
func (v *View) where(in func(int) bool) []int {
	var out []int
	for i := range v.Members {
		if in(i) {
			out = append(out, i)
		}
	}
	return out
}
