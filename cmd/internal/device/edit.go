package device

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/internal/strictjson"
	"github.com/cinesync/cinesync/privacy"
)

// Edit is what an owner put in place of a policy's numbers. What is zero is the policy's.
type Edit struct {
	Ceiling        float64 `json:"ceiling,omitempty"`        // ρ in a period, all questions together
	Members        uint32  `json:"members,omitempty"`        // smallest roster
	Noise          string  `json:"noise,omitempty"`          // least noise multiplier z of an answer: 3, 2.5 or 5/2
	Participations uint32  `json:"participations,omitempty"` // most answers to a question in a period
	Spacing        uint32  `json:"spacing,omitempty"`        // least distance between two of them, in rounds
	PeriodDays     uint32  `json:"period_days,omitempty"`    // length of a period
}

// How far an owner's numbers may go. Beyond these a number is a slip of the hand, or a promise that means nothing.
const (
	leastMembers = 16    // a smaller sum hides nobody; the demo's own policy asks for fewer
	mostCeiling  = 16    // ε above 45 at δ = 10^-6
	mostNoise    = 1000  // times the largest answer
	mostTimes    = 1e6   // participations, and rounds between them
	leastDays    = 30    // shorter periods are in no log (docs/spec/log.md 6.5)
	mostDays     = 36500 // a life
)

// UnmarshalJSON reads an edit strictly: a field that is there has a value of its range.
func (e *Edit) UnmarshalJSON(b []byte) error {
	*e = Edit{}
	fields := map[string]any{"ceiling": &e.Ceiling, "members": &e.Members, "noise": &e.Noise, "participations": &e.Participations,
		"spacing": &e.Spacing, "period_days": &e.PeriodDays}
	err := strictjson.Object(b, func(name string, value json.RawMessage) error {
		to, ok := fields[name]
		if !ok {
			return fmt.Errorf("unknown field %q", name)
		}
		if err := json.Unmarshal(value, to); err != nil {
			return fmt.Errorf("%s is %.100s: %w", name, value, err)
		}
		return e.CheckField(name)
	})
	return err
}

// CheckField wants one of the numbers to be of its range.
func (e *Edit) CheckField(name string) error {
	var got uint64
	least, most := uint64(1), uint64(mostTimes)
	switch name {
	case "ceiling":
		if !(e.Ceiling <= mostCeiling) || !(e.Ceiling*float64(privacy.UnitsPerRho) >= 1) {
			return fmt.Errorf("ceiling is %v: want ρ above 0 and up to %d; the shipped policy has 1", e.Ceiling, mostCeiling)
		}
		return nil
	case "noise":
		_, _, err := e.noise()
		return err
	case "members":
		got, least, most = uint64(e.Members), 3, aggregation.MaxDevices // apply wants more of all policies but the demo's
	case "participations":
		got = uint64(e.Participations)
	case "spacing":
		got = uint64(e.Spacing)
	case "period_days":
		got, least, most = uint64(e.PeriodDays), leastDays, mostDays
	}
	if got < least || got > most {
		return fmt.Errorf("%s is %d: want %d to %d", name, got, least, most)
	}
	return nil
}

// noise is z as a fraction of numbers below 2^32.
func (e *Edit) noise() (num, den uint64, err error) {
	wrong := fmt.Errorf("noise is %.40q: want the least noise multiplier, 1/2 to %d, such as 3, 2.5 or 5/2; the shipped policy has 2", e.Noise, mostNoise)
	if len(e.Noise) > 20 || strings.Trim(e.Noise, "0123456789./") != "" {
		return 0, 0, wrong
	}
	z, ok := new(big.Rat).SetString(e.Noise)
	if !ok || z.Cmp(big.NewRat(1, 2)) < 0 || z.Cmp(big.NewRat(mostNoise, 1)) > 0 || z.Denom().BitLen() > 32 || z.Num().BitLen() > 32 {
		return 0, 0, wrong
	}
	return z.Num().Uint64(), z.Denom().Uint64(), nil
}

// Check wants every number that is there to be of its range.
func (e *Edit) Check() error {
	for name, there := range e.there() {
		if !there {
			continue
		}
		if err := e.CheckField(name); err != nil {
			return err
		}
	}
	return nil
}

func (e *Edit) there() map[string]bool {
	return map[string]bool{"ceiling": e.Ceiling != 0, "members": e.Members != 0, "noise": e.Noise != "", "participations": e.Participations != 0,
		"spacing": e.Spacing != 0, "period_days": e.PeriodDays != 0}
}

// apply puts the edit in place of a policy's numbers.
func (e *Edit) apply(f *participant.Floor) error {
	if *e == (Edit{}) {
		return nil
	}
	if err := e.Check(); err != nil {
		return fmt.Errorf("edit: %w", err)
	}
	if e.Members != 0 && e.Members < min(leastMembers, f.NMin) {
		return fmt.Errorf("edit: members is %d: want at least %d, a smaller sum hides nobody", e.Members, min(leastMembers, f.NMin))
	}
	if e.Ceiling != 0 {
		units, err := privacy.ToUnits(e.Ceiling)
		if err != nil {
			return fmt.Errorf("edit: ceiling: %w", err)
		}
		f.Ceiling = units
	}
	if e.Noise != "" {
		f.ZNum, f.ZDen, _ = e.noise() // checked
	}
	for _, n := range []struct {
		edit uint32
		to   *uint32
	}{{e.Members, &f.NMin}, {e.Participations, &f.P}, {e.Spacing, &f.B}} {
		if n.edit != 0 {
			*n.to = n.edit
		}
	}
	if e.PeriodDays != 0 {
		f.Period = uint64(e.PeriodDays) * 24 * 3600
	}
	f.Name += " (edited)"
	return nil
}
