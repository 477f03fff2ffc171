package round

// Conduct is what a coordinator remembers of a certificate under which rounds were spoilt, and how long it leaves it out for that
// (secure aggregation 10.8). The zero value is a certificate that nothing is held against.
type Conduct struct {
	Level uint8  // grows with each spoilt round, falls with time
	Last  uint64 // number of the round that was spoilt last
	Until uint64 // number of the last round that it sits out
}

const (
	maxLevel    = 7  // 64 rounds out
	absentLevel = 3  // 4 rounds out: losing a connection never costs more
	certainStep = 3  // what nobody else can have done counts like three suspicions
	forgetAfter = 64 // rounds after which one level is forgotten
)

// After is the conduct once a round was given up for a fault of this certificate's holder. Rounds rise.
func (c Conduct) After(round uint64, f Fault) Conduct {
	level := c.level(round)
	switch {
	case f == NoFault:
		return c
	case f.Certain():
		level = min(level+certainStep, maxLevel)
	case f != Absent:
		level = min(level+1, maxLevel)
	case level < absentLevel:
		level++
	}
	out := uint64(1) << (level - 1)
	if f == Absent {
		out = min(out, 1<<(absentLevel-1))
	}
	return Conduct{Level: level, Last: round, Until: max(c.Until, round+out)}
}

// level is what is left of it in a round.
func (c Conduct) level(round uint64) uint8 {
	level := min(c.Level, maxLevel) // it comes from a file
	if round <= c.Last {
		return level
	}
	return level - uint8(min(uint64(level), (round-c.Last)/forgetAfter))
}

// Left is how many rounds the certificate still sits out when this one is next, itself among them; 0 if it may take part.
func (c Conduct) Left(round uint64) uint64 {
	if c.Level == 0 || round > c.Until {
		return 0
	}
	return c.Until - round + 1
}
