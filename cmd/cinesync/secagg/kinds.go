package secagg

import (
	"fmt"
	"maps"
	"slices"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/cmd/internal/vectors"
)

// Kinds are those of graph_parameters.json.
var Kinds = map[string]vectors.Kind{
	"harary_params":                {Fields: []string{"degree", "threshold", "a", "s"}, Prepare: hararyParams},
	"harary_reference":             {Fields: []string{"degree", "threshold"}, Prepare: hararyReference},
	"harary_infeasible":            {Fields: []string{"feasible"}, Prepare: hararyInfeasible},
	"complete_graph":               {Fields: []string{"max_corrupt", "threshold", "tolerated_dropouts"}, Prepare: completeGraph},
	"connectivity":                 {Fields: []string{"isolating_cuts_at_half_plus_one", "isolating_cuts_at_half"}, Prepare: cuts(maxCutsRing, isolatingCuts)},
	"connectivity_withheld_shares": {Fields: []string{"isolating_cuts_at_half_plus_one", "isolating_cuts_at_half"}, Prepare: cuts(maxWithheldRing, withheldCuts)},
}

// mode reads what a coordinator is assumed to do: files call it mode, rows of the reference finder class.
func mode(in *vectors.Inputs) aggregation.Mode {
	name := "mode"
	if in.Has("class") {
		name = "class"
	}
	return modes[in.Text(name, slices.Sorted(maps.Keys(modes)))]
}

// modes by their names in files. NONE is the reference's word for a semi-honest coordinator and no corrupt party.
var modes = map[string]aggregation.Mode{"W": aggregation.ModeW, "SM": aggregation.ModeSM, "SH": aggregation.ModeSH, "NONE": aggregation.ModeSH}

const rate = 10_000 // basis points

// graph reads mode, roster, rates and bits. Sizes for which no answer can exist are inputs too; sizes that would only cost time are not.
func graph(in *vectors.Inputs) aggregation.GraphParams {
	return aggregation.GraphParams{N: in.Whole("n", 0, aggregation.MaxDevices), GammaBP: in.Whole("gamma_basis_points", 0, rate),
		DeltaBP: in.Whole("delta_basis_points", 0, rate), Lambda: in.Whole("security_bits", 1, 256), Eta: in.Whole("completion_bits", 1, 256), Mode: mode(in)}
}

func hararyParams(in *vectors.Inputs) func() vectors.Answer {
	p := graph(in)
	return func() vectors.Answer {
		d, at, err := aggregation.LeastRing(p)
		if err != nil {
			return vectors.None("degree", "threshold", "a", "s")
		}
		return vectors.Answer{Values: map[string]any{"degree": d.K, "threshold": d.T, "a": at.Corrupt, "s": at.Surviving}}
	}
}

// hararyReference follows the reference finder to the letter: in the semi-honest classes it asks whether a+1 shares are sure,
// and only then raises a threshold of 1 to 2. Where that leaves more than are sure, a round here refuses the row.
func hararyReference(in *vectors.Inputs) func() vectors.Answer {
	p := graph(in)
	return func() vectors.Answer {
		rings, err := aggregation.Rings(p)
		if err != nil {
			return vectors.None("degree", "threshold")
		}
		for r := range rings {
			t := r.Corrupt + 1
			if p.Mode == aggregation.ModeSM {
				t = (r.Corrupt+r.K)/2 + 1
			}
			if t > r.Surviving || !r.Connected {
				continue
			}
			out := vectors.Answer{Values: map[string]any{"degree": r.K, "threshold": max(t, 2)}}
			if max(t, 2) > r.Surviving {
				out.Note = fmt.Sprintf("only as the reference rounds: t = 2 is above s = %d, and no device here accepts it", r.Surviving)
			}
			return out
		}
		return vectors.None("degree", "threshold")
	}
}

// hararyInfeasible asks the finder of rounds and the one of rings.
func hararyInfeasible(in *vectors.Inputs) func() vectors.Answer {
	p := graph(in)
	return func() vectors.Answer {
		_, err := aggregation.FindDegree(p)
		_, _, none := aggregation.LeastRing(p)
		return vectors.Answer{Values: map[string]any{"feasible": err == nil || none == nil}}
	}
}

// completeGraph takes A as section 5.5 defines it, and as threshold the one that a device accepts with it.
func completeGraph(in *vectors.Inputs) func() vectors.Answer {
	p := aggregation.GraphParams{N: in.Whole("n", aggregation.MinDevices, aggregation.MaxDevices), GammaBP: in.Whole("gamma_basis_points", 0, rate),
		Lambda: 80, Eta: 20, Mode: aggregation.ModeW}
	return func() vectors.Answer {
		for t := 1; t <= p.N; t++ {
			if aggregation.CheckDegree(p, aggregation.Degree{K: p.N - 1, T: t}) == nil {
				return vectors.Answer{Values: map[string]any{"max_corrupt": max(1, p.N*p.GammaBP/rate), "threshold": t, "tolerated_dropouts": p.N - t}}
			}
		}
		return vectors.None("max_corrupt", "threshold", "tolerated_dropouts")
	}
}
