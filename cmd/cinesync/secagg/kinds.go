package secagg

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cinesync/cinesync/aggregation"
)

// kind is one function that vectors give known answers of. prepare takes the inputs, so that mistakes in them are told before
// anything is computed.
type kind struct {
	fields  []string // that it computes
	prepare func(in *inputs) func() answer
}

// kinds are those of graph_parameters.json.
var kinds = map[string]kind{
	"harary_params":                {[]string{"degree", "threshold", "a", "s"}, hararyParams},
	"harary_reference":             {[]string{"degree", "threshold"}, hararyReference},
	"harary_infeasible":            {[]string{"feasible"}, hararyInfeasible},
	"complete_graph":               {[]string{"max_corrupt", "threshold", "tolerated_dropouts"}, completeGraph},
	"connectivity":                 {[]string{"isolating_cuts_at_half_plus_one", "isolating_cuts_at_half"}, cuts(maxCutsRing, isolatingCuts)},
	"connectivity_withheld_shares": {[]string{"isolating_cuts_at_half_plus_one", "isolating_cuts_at_half"}, cuts(maxWithheldRing, withheldCuts)},
}

// inputs hands out fields by name and remembers the first mistake; what nobody took is one too.
type inputs struct {
	rest map[string]json.RawMessage
	err  error
}

func (in *inputs) take(name string) (json.RawMessage, bool) {
	raw, ok := in.rest[name]
	delete(in.rest, name)
	if !ok {
		in.wrong(name, errors.New("missing"))
	}
	return raw, ok
}

func (in *inputs) wrong(name string, err error) {
	if in.err == nil && err != nil {
		in.err = fmt.Errorf("inputs.%s: %w", name, err)
	}
}

func (in *inputs) whole(name string, low, high int64) int {
	raw, ok := in.take(name)
	if !ok {
		return 0
	}
	n, err := whole(raw, low, high)
	in.wrong(name, err)
	return n
}

// mode reads what a coordinator is assumed to do: files call it mode, rows of the reference finder class.
func (in *inputs) mode() aggregation.Mode {
	name := "mode"
	if _, ok := in.rest["class"]; ok {
		name = "class"
	}
	raw, ok := in.take(name)
	if !ok {
		return 0
	}
	s, err := text(raw)
	in.wrong(name, err)
	mode, known := modes[s]
	if err == nil && !known {
		in.wrong(name, fmt.Errorf("%.40q is not one of %v", s, slices.Sorted(maps.Keys(modes))))
	}
	return mode
}

// end is the first mistake.
func (in *inputs) end() error {
	for _, name := range slices.Sorted(maps.Keys(in.rest)) {
		in.wrong(name, errors.New("unknown field"))
	}
	return in.err
}

// modes by their names in files. NONE is the reference's word for a semi-honest coordinator and no corrupt party.
var modes = map[string]aggregation.Mode{"W": aggregation.ModeW, "SM": aggregation.ModeSM, "SH": aggregation.ModeSH, "NONE": aggregation.ModeSH}

const rate = 10_000 // basis points

// graph reads mode, roster, rates and bits. Sizes for which no answer can exist are inputs too; sizes that would only cost time are not.
func (in *inputs) graph() aggregation.GraphParams {
	return aggregation.GraphParams{N: in.whole("n", 0, aggregation.MaxDevices), GammaBP: in.whole("gamma_basis_points", 0, rate),
		DeltaBP: in.whole("delta_basis_points", 0, rate), Lambda: in.whole("security_bits", 1, 256), Eta: in.whole("completion_bits", 1, 256), Mode: in.mode()}
}

func none(fields ...string) answer {
	a := answer{values: map[string]any{}}
	for _, f := range fields {
		a.values[f] = nil
	}
	return a
}

func hararyParams(in *inputs) func() answer {
	p := in.graph()
	return func() answer {
		d, at, err := aggregation.LeastRing(p)
		if err != nil {
			return none("degree", "threshold", "a", "s")
		}
		return answer{values: map[string]any{"degree": d.K, "threshold": d.T, "a": at.Corrupt, "s": at.Surviving}}
	}
}

// hararyReference follows the reference finder to the letter: in the semi-honest classes it asks whether a+1 shares are sure,
// and only then raises a threshold of 1 to 2. Where that leaves more than are sure, a round here refuses the row.
func hararyReference(in *inputs) func() answer {
	p := in.graph()
	return func() answer {
		rings, err := aggregation.Rings(p)
		if err != nil {
			return none("degree", "threshold")
		}
		for r := range rings {
			t := r.Corrupt + 1
			if p.Mode == aggregation.ModeSM {
				t = (r.Corrupt+r.K)/2 + 1
			}
			if t > r.Surviving || !r.Connected {
				continue
			}
			out := answer{values: map[string]any{"degree": r.K, "threshold": max(t, 2)}}
			if max(t, 2) > r.Surviving {
				out.note = fmt.Sprintf("only as the reference rounds: t = 2 is above s = %d, and no device here accepts it", r.Surviving)
			}
			return out
		}
		return none("degree", "threshold")
	}
}

// hararyInfeasible asks the finder of rounds and the one of rings.
func hararyInfeasible(in *inputs) func() answer {
	p := in.graph()
	return func() answer {
		_, err := aggregation.FindDegree(p)
		_, _, none := aggregation.LeastRing(p)
		return answer{values: map[string]any{"feasible": err == nil || none == nil}}
	}
}

// completeGraph takes A as section 5.5 defines it, and as threshold the one that a device accepts with it.
func completeGraph(in *inputs) func() answer {
	p := aggregation.GraphParams{N: in.whole("n", aggregation.MinDevices, aggregation.MaxDevices), GammaBP: in.whole("gamma_basis_points", 0, rate),
		Lambda: 80, Eta: 20, Mode: aggregation.ModeW}
	return func() answer {
		for t := 1; t <= p.N; t++ {
			if aggregation.CheckDegree(p, aggregation.Degree{K: p.N - 1, T: t}) == nil {
				return answer{values: map[string]any{"max_corrupt": max(1, p.N*p.GammaBP/rate), "threshold": t, "tolerated_dropouts": p.N - t}}
			}
		}
		return none("max_corrupt", "threshold", "tolerated_dropouts")
	}
}
