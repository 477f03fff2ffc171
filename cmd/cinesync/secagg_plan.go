package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/cmd/cinesync/secagg"
)

// planFlags are the planner's as they are written.
type planFlags struct {
	shape                        secagg.Shape
	gamma, delta, dropouts, mode string
	lambda                       int
	kex, sig, prg                string
	speed                        float64
	asJSON                       bool
}

func secaggPlan() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{Use: "plan", Short: "Say what a round costs: neighbours, threshold, bytes, masks, memory",
		Args: exactly(), RunE: func(cmd *cobra.Command, _ []string) error {
			shape, err := f.read(cmd)
			if err != nil {
				return usageError{err}
			}
			rate := secagg.Rate{OneCore: f.speed * 1e9, AllCores: f.speed * 1e9 * float64(runtime.GOMAXPROCS(0))}
			if !cmd.Flags().Changed("speed") {
				rate = secagg.Measure(shape.PRG)
			}
			p, err := shape.Plan(rate)
			var wrong secagg.FlagError
			switch {
			case errors.As(err, &wrong):
				return usageError{err}
			case err != nil:
				return fmt.Errorf("plan: %w", err)
			case f.asJSON:
				return json.NewEncoder(cmd.OutOrStdout()).Encode(p)
			}
			return printPlan(cmd.OutOrStdout(), p)
		}}
	fl := cmd.Flags()
	fl.IntVar(&f.shape.Devices, "devices", 0, "members of the roster")
	fl.StringVar(&f.gamma, "gamma", "0.05", "largest part of the roster that works with the coordinator: 0.05 or 5%")
	fl.StringVar(&f.delta, "delta", "0.10", "largest part lost between roster and survivors: 0.1 or 10%")
	fl.IntVar(&f.shape.Dim, "dim", 0, "words of a vector")
	fl.StringVar(&f.mode, "mode", "W", "W, SM or SH")
	fl.IntVar(&f.lambda, "lambda", 0, "security bits of the graph (default 80 in mode W, 40 in others)")
	fl.IntVar(&f.shape.Eta, "eta", 20, "completion bits")
	fl.IntVar(&f.shape.WordBits, "word-bits", 0, "bits of a word on the wire: 32, 24 or 16 (default: the least that carry the round at --noise)")
	fl.Float64Var(&f.shape.Noise, "noise", 2, "standard deviation of a sum's noise over the clip, which the choice of words goes by")
	fl.StringVar(&f.kex, "kex", "x25519", "key exchange: x25519, or x-wing beside it")
	fl.StringVar(&f.sig, "sig", "ed25519", "signatures: ed25519, or ml-dsa beside it")
	fl.StringVar(&f.prg, "prg", "aes-128", "mask generator: aes-128, aes-256 or chacha20")
	fl.IntVar(&f.shape.Cohorts, "cohorts", 1, "groups that are summed by themselves, against poisoning")
	fl.StringVar(&f.dropouts, "dropouts", "", "part that is lost in the round planned (default: delta)")
	fl.Float64Var(&f.speed, "speed", 0, "GB/s of masks that one core makes and adds (default: measured now)")
	fl.BoolVar(&f.asJSON, "json", false, "print one JSON object")
	return cmd
}

// read turns flags into a shape; a mistake names its flag.
func (f *planFlags) read(cmd *cobra.Command) (secagg.Shape, error) {
	s := f.shape
	for _, name := range []string{"devices", "dim"} {
		if !cmd.Flags().Changed(name) {
			return s, fmt.Errorf("%s: --%s is missing", cmd.CommandPath(), name)
		}
	}
	var err error
	if s.Mode, s.PRG, err = modeAndPRG("mode", f.mode, f.prg); err != nil {
		return s, err
	}
	s.Lambda = f.lambda
	if s.Hybrid.Kex, err = oneOf("kex", f.kex, "x25519", "x-wing"); err != nil {
		return s, err
	}
	if s.Hybrid.Sig, err = oneOf("sig", f.sig, "ed25519", "ml-dsa"); err != nil {
		return s, err
	}
	if !cmd.Flags().Changed("lambda") {
		s.Lambda = map[bool]int{true: 80, false: 40}[s.Mode == aggregation.ModeW]
	}
	if cmd.Flags().Changed("speed") && !(f.speed > 0 && f.speed < 1e6) {
		return s, fmt.Errorf("--speed is %v: want GB/s above 0", f.speed)
	}
	if !cmd.Flags().Changed("dropouts") {
		f.dropouts = f.delta
	}
	for _, r := range []struct {
		flag, text string
		bp         *int
	}{{"gamma", f.gamma, &s.GammaBP}, {"delta", f.delta, &s.DeltaBP}, {"dropouts", f.dropouts, &s.DropBP}} {
		var err error
		if *r.bp, err = basisPoints(r.text); err != nil {
			return s, fmt.Errorf("--%s is %q: %w", r.flag, r.text, err)
		}
	}
	s.LogSize = 1 << 20
	if s.Mode == aggregation.ModeW {
		s.Witnesses = 3
	}
	return s, nil
}

// modeAndPRG reads the mode of a round, from the flag of that name, and --prg.
func modeAndPRG(flag, mode, prg string) (m aggregation.Mode, g uint16, err error) {
	m, ok := map[string]aggregation.Mode{"W": aggregation.ModeW, "SM": aggregation.ModeSM, "SH": aggregation.ModeSH}[mode]
	if !ok {
		return m, g, fmt.Errorf("--%s is %q: want W, SM or SH", flag, mode)
	}
	if g, ok = map[string]uint16{"aes-128": aggregation.PRGAES128, "aes-256": aggregation.PRGAES256, "chacha20": aggregation.PRGChaCha20}[prg]; !ok {
		return m, g, fmt.Errorf("--prg is %q: want aes-128, aes-256 or chacha20", prg)
	}
	return m, g, nil
}

// oneOf reports whether a flag is its second word.
func oneOf(flag, text, first, second string) (bool, error) {
	if text != first && text != second {
		return false, fmt.Errorf("--%s is %q: want %s or %s", flag, text, first, second)
	}
	return text == second, nil
}

// basisPoints reads a rate exactly: rounds know whole basis points, and a rate between two would be another round.
func basisPoints(text string) (int, error) {
	bare, percent := strings.CutSuffix(text, "%")
	if len(bare) == 0 || len(bare) > 12 || strings.Trim(bare, "0123456789.") != "" {
		return 0, errors.New("want a part such as 0.05, or 5%")
	}
	r, ok := new(big.Rat).SetString(bare)
	if !ok {
		return 0, errors.New("want a part such as 0.05, or 5%")
	}
	if percent {
		r.Quo(r, big.NewRat(100, 1))
	}
	r.Mul(r, big.NewRat(10000, 1))
	if !r.IsInt() || r.Num().Cmp(big.NewInt(9999)) > 0 {
		return 0, errors.New("want whole basis points below 1, such as 0.0525")
	}
	return int(r.Num().Int64()), nil
}

func printPlan(w io.Writer, p secagg.Plan) error {
	graph := "ring"
	if p.Complete {
		graph = "complete graph"
	}
	fmt.Fprintf(w, "%d devices, mode %s: %s, k = %d neighbours, t = %d shares rebuild a secret, words of %d bits\n\n", p.Devices, p.Mode, graph, p.K, p.T, p.WordBits)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "a device in phase\tsends\treceives\t")
	for _, ph := range p.Phases {
		fmt.Fprintf(t, "%s\t%s\t%s\t\n", ph.Name, size(ph.Up), size(ph.Down))
	}
	fmt.Fprintf(t, "in all\t%s\t%s\t\n", size(p.Up), size(p.Down))
	fmt.Fprintf(t, "beside %s of float32\t%.4fx\t%.4fx\t\n", size(p.Float32), p.UpRatio, p.DownRatio)
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nThe model itself comes beside that, and is as long as its file.\n\n")
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	how := "as given"
	if p.Rate.Measured {
		how = "as measured on this machine now"
	}
	fmt.Fprintln(t, "masks\tkeystream\ttime\t")
	fmt.Fprintf(t, "device, one core\t%s\t%.3f s\t\n", size(p.DeviceKeystream), p.DeviceSeconds)
	fmt.Fprintf(t, "coordinator, all cores (%d survive, %d lost)\t%s\t%.3f s\t\n", p.Survivors, p.Lost, size(p.ServerKeystream), p.ServerSeconds)
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "at %.2f and %.2f GB/s, %s\n\n", p.Rate.OneCore/1e9, p.Rate.AllCores/1e9, how)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "vectors in memory and on disk\tmemory\tdisk\t")
	fmt.Fprintf(t, "device\t%s\t\t\n", size(p.DeviceMemory))
	fmt.Fprintf(t, "coordinator\t%s\t%s\t\n", size(p.ServerMemory), size(p.ServerDisk))
	if err := t.Flush(); err != nil {
		return err
	}
	if c := p.Cohorts; c != nil {
		fmt.Fprintf(w, "\n%d cohorts of %d members, %d left out. What that costs in privacy: the mean of their sums carries %.2f times the noise;\n"+
			"a sum hides a device among %d honest survivors at least, where one sum would hide it among %d; up to %d of a cohort may be corrupt.\n",
			c.Count, c.Members, c.LeftOut, c.NoiseFactor, c.Honest, c.HonestOfOne, c.Corrupt)
	}
	return nil
}

// size writes bytes for people.
func size(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB"}
	v, u := float64(n), 0
	for v >= 1000 && u < len(units)-1 {
		v, u = v/1000, u+1
	}
	if u == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.4g %s", v, units[u])
}
