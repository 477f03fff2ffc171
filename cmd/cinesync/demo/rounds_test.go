package demo

import (
	"maps"
	"testing"
	"time"

	"github.com/cinesync/cinesync/coordinator"
)

func TestRecruitingIsTakenOutOfTheKeysPhase(t *testing.T) {
	type mark struct {
		round uint64
		phase string
		at    int // milliseconds
	}
	for name, c := range map[string]struct {
		marks []mark
		want  map[string]int
	}{
		"as it goes":        {[]mark{{2, "recruit", 100}, {2, "keys", 130}, {2, "shares", 160}}, map[string]int{"recruit": 30, "keys": 20}},
		"killed in recruit": {[]mark{{2, "recruit", 100}, {2, "recruit", 120}, {2, "keys", 140}}, map[string]int{"recruit": 40, "keys": 10}},
		"killed in keys":    {[]mark{{2, "recruit", 100}, {2, "keys", 130}, {2, "keys", 145}}, map[string]int{"recruit": 30, "keys": 20}},
		"never left":        {[]mark{{2, "recruit", 100}}, map[string]int{"recruit": 50, "keys": 0}},
		"never seen":        {[]mark{{1, "recruit", 100}, {1, "keys", 130}}, map[string]int{"recruit": 0, "keys": 50}},
		"seen late":         {[]mark{{2, "keys", 100}}, map[string]int{"recruit": 0, "keys": 50}},
		"a slower clock":    {[]mark{{2, "recruit", 100}, {2, "keys", 190}}, map[string]int{"recruit": 50, "keys": 0}},
		"after another":     {[]mark{{1, "recruit", 10}, {1, "keys", 20}, {2, "recruit", 100}, {2, "keys", 130}}, map[string]int{"recruit": 30, "keys": 20}},
	} {
		var r recruiting
		for _, m := range c.marks {
			r.phase(phase(m.round, m.phase), time.UnixMilli(int64(m.at)))
		}
		maps.Copy(c.want, map[string]int{"shares": 2, "inputs": 3, "unmask": 4, "settle": 5})
		if got := r.phases(coordinator.Event{Round: 2, Millis: []int{50, 2, 3, 4, 5}}); !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestContributionsAreKeptByRoundAndForgotten(t *testing.T) {
	c := newContributions()
	v := []uint32{1}
	c.put(1, [32]byte{1}, v)
	c.put(2, [32]byte{1}, []uint32{2})
	c.put(3, [32]byte{2}, []uint32{3})
	v[0] = 9 // the device goes on to mask it in place
	if got := c.take(2); len(got) != 1 || got[[32]byte{1}][0] != 2 {
		t.Errorf("round 2: %v", got)
	}
	if c.take(1) != nil || c.take(2) != nil {
		t.Error("an earlier round is still there")
	}
	c.put(4, [32]byte{1}, v)
	v[0] = 10
	if got := c.take(4); got[[32]byte{1}][0] != 9 {
		t.Errorf("round 4 changed with the caller's vector: %v", got)
	}
}
