package model

// ncfScorer scores for one person, whose vector is solved.
type ncfScorer struct {
	t   ncfTensors
	u   []float32
	net *ncfNet
}

// Scorer solves the person's vector. Nothing in it is drawn: the same history gives the same scores.
func (m *ncf) Scorer(params []float32, history []Example) (Scorer, error) {
	if err := checkHistory(m.layout, params, history); err != nil {
		return nil, err
	}
	past := make([]int, len(history))
	for i, e := range history {
		past[i] = e.Item
	}
	users, t := newUsers(m), m.open(params)
	users.solve(t, []Cut{{Past: past}})
	return &ncfScorer{t, users.u, newNet(m)}, nil
}

// scoreBlock is how many titles go through the MLP at once: their hidden layers stay in the nearest memory of a core.
const scoreBlock = 128

func (s *ncfScorer) Scores(dst []float32) {
	d := s.net.d
	for at := 0; at < len(dst); at += scoreBlock {
		end := min(at+scoreBlock, len(dst))
		s.net.begin(s.t, s.u, s.t.v[at*d:end*d], s.t.b[at:end], 1, end-at)
		copy(dst[at:end], s.net.score(s.t, 0, end-at))
	}
}
