package hostile

import (
	"math/big"
	"slices"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/client/participant"
)

func attacksOnPeople() []Attack {
	return []Attack{
		{ID: "A10", What: "one real device among invented ones without certificates", Rule: "certificates by E, F06; n_min, F03", Cases: []Case{
			{Name: "all others uncertified", Play: func(x *Try) {
				sc := x.Scene(1)
				sc.NMin = 5
				s := NewCoordinator(x, sc)
				for i := range 9 {
					s.Invented = append(s.Invented, s.invent(string(rune('a'+i)), keyOf("forger")))
				}
				v := s.shared()
				x.Refuses(participant.F06BadCertificate, s.Devices[0])
				x.Unmasks(v)
			}},
			{Name: "one of them uncertified, in the complete graph", Play: func(x *Try) {
				s := NewCoordinator(x, x.Scene(9))
				s.Invented = append(s.Invented, s.invent("forged", keyOf("forger")))
				v := s.shared()
				x.Refuses(participant.F06BadCertificate, s.Devices...)
				x.Unmasks(v)
			}},
			{Name: "a fifth of a ring's members uncertified", Play: func(x *Try) {
				sc := ringScene(x)
				sc.Devices = 56
				s := NewCoordinator(x, sc)
				for i := range 14 {
					s.Invented = append(s.Invented, s.invent(string(rune('a'+i)), keyOf("forger")))
				}
				v := s.shared()
				for i, d := range s.Devices {
					near := slices.ContainsFunc(v.Ring.Neighbours(i), func(j int) bool { return v.Members[j].Puppet != nil })
					if near {
						x.Refuses(participant.F06BadCertificate, d)
					} else if d.Refused != nil {
						x.Errorf("%s refuses without a cause: %v", d.Name, d.Refused)
					}
				}
				x.Unmasks(v)
			}},
			{Name: "a device sees none of a fifth among 1000 with chance below 2^-41", Play: func(x *Try) {
				const n, invented, k = 1000, 200, 128
				chance := new(big.Rat).SetFrac(new(big.Int).Binomial(n-1-invented, k), new(big.Int).Binomial(n-1, k))
				if chance.Cmp(new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), 41))) >= 0 {
					f, _ := chance.Float64()
					x.Errorf("the chance is %g", f)
				}
			}},
			{Name: "a roster of one and its coordinator", Play: func(x *Try) {
				sc := x.Scene(1)
				sc.NMin, sc.Invented = 5, 3
				s := NewCoordinator(x, sc)
				s.shared()
				x.Refuses(participant.F03BelowFloor, s.Devices[0])
			}},
		}},
		{ID: "A17", What: "one real device among invented ones that E certified", Rule: "none but the device's own noise; quotas, n_min", Fails: true, Cases: []Case{
			{Name: "one and nine", Play: oneAmongCertified},
		}},
	}
}

// oneAmongCertified is the documented failing case: nothing is refused, S unmasks the one vector, and what it holds then is the
// device's clipped vector under its own share of the noise.
func oneAmongCertified(x *Try) {
	sc := x.Scene(1)
	sc.NMin, sc.Invented = 7, 9
	s := NewCoordinator(x, sc)
	v, _ := s.answered(everyone)
	x.Accepts(s.Devices...)
	x.Unmasks(v, []int{0})
	left := aggregation.Signed(Unmask(v).Remove([]int{0}), 32)
	var energy float64
	for _, w := range left {
		energy += float64(w) * float64(w)
	}
	// σ_loc² = σ_tot²/h with h the honest survivors that γ and δ promise: here 7 − 1.
	local := float64(sc.sigmaTotSq()) / 6
	if mean := energy / float64(len(left)); mean < local/2 || mean > local*2 {
		x.Errorf("a word of what S holds has mean square %.0f, the device's noise alone is %.0f", mean, local)
	}
}
