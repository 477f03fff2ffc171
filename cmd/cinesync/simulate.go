package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/cmd/cinesync/simulate"
	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/cmd/internal/accel"
	"github.com/cinesync/cinesync/protocol"
)

// The modes of a study.
const (
	protocolMode = "protocol"
	learningMode = "learning"
)

// simulateFlags are the command's as they are written.
type simulateFlags struct {
	mode, gpu, plot       string
	devices, rounds       int
	seed                  uint64
	asJSON                bool
	words                 int
	drop, crash, network  string
	restart               float64
	secagg, kex, sig, prg string
	policy                string
	memory                float64
	task, data            string
	every                 int
	quiet                 bool
}

func simulateCommand() *cobra.Command {
	var f simulateFlags
	cmd := &cobra.Command{Use: "simulate", Short: "Study a federation of many devices: the protocol's rounds, or what they learn",
		Long: `Mode protocol runs whole rounds of the real machines of devices and coordinator, in simulated time: every key, share, mask and log entry is
made and checked, devices vanish and start again, the coordinator is killed, messages are lost; each sum is held against the plain sum of those
included. Mode learning trains a task as those rounds would, without keys and masks, and judges the model on the way.

Each round is a line, the last line is a summary. The same seed gives the same lines, but for what stands under "wall" and "trained_by".

Tasks of mode learning: a file, or ` + strings.Join(task.Names(), ", ") + `.`,
		Example: `  cinesync simulate --devices 100 --rounds 3 --drop 0.1
  cinesync simulate --devices 1000 --rounds 2 --secagg SH --drop input=0.05,reveal=0.02 --crash inputs --json
  cinesync simulate --mode learning --devices 500 --rounds 20 --plot learning.svg
  cinesync simulate --mode learning --task ml-1m-eps8 --data DIR --every 5 --json`,
		Args: exactly(), RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) }}
	fl := cmd.Flags()
	fl.StringVar(&f.mode, "mode", protocolMode, "protocol or learning")
	fl.IntVar(&f.devices, "devices", 0, "devices (default: 100; in mode learning those of the task, or 200 made-up people)")
	fl.IntVar(&f.rounds, "rounds", 0, "rounds (default: 3; in mode learning the task's)")
	fl.Uint64Var(&f.seed, "seed", 1, "what everything random comes from")
	fl.StringVar(&f.gpu, "gpu", accel.Auto, accel.Usage("expands masks, trains devices and measures models"))
	fl.StringVar(&f.plot, "plot", "", "write a picture of the rounds: FILE.svg, .png or .pdf")
	fl.BoolVar(&f.asJSON, "json", false, "print lines of JSON: one a round, then a summary")
	fl.IntVar(&f.words, "words", 10_000, "protocol: length of a device's vector")
	fl.StringVar(&f.drop, "drop", "0.05", "protocol: part of the devices that vanishes in each round, or by step: shares=, input=, chunk=, reveal=")
	fl.Float64Var(&f.restart, "restart", 0, "protocol: part of the devices that is stopped and started again in each round")
	fl.StringVar(&f.crash, "crash", "", "protocol: phases at whose start the coordinator is killed: keys, shares, inputs, unmask, settle")
	fl.StringVar(&f.network, "network", "", "protocol: faults of messages in percent, and delay: cut=2,duplicate=10,reorder=10,slow=200ms")
	fl.StringVar(&f.secagg, "secagg", "W", "protocol: who is trusted how far: W, SM or SH")
	fl.StringVar(&f.kex, "kex", "x25519", "protocol: key exchange: x25519, or x-wing beside it")
	fl.StringVar(&f.sig, "sig", "ed25519", "protocol: signatures: ed25519, or ml-dsa beside it")
	fl.StringVar(&f.prg, "prg", "aes-128", "protocol: mask generator: aes-128, aes-256 or chacha20")
	fl.StringVar(&f.policy, "policy", "", "protocol: the devices': balanced or demo (default: balanced where it takes such rounds)")
	fl.Float64Var(&f.memory, "memory", 16, "protocol: GB that the study may need, by its estimate")
	fl.StringVar(&f.task, "task", "small", "learning: a task file (NAME.toml) or a built-in task")
	fl.StringVar(&f.data, "data", "", "learning: folder of the data set, or the one that holds it; made-up for made-up people (default: $CINESYNC_DATA, else made-up)")
	fl.IntVar(&f.every, "every", 0, "learning: judge the model after every so many rounds, and the last (default: twenty times)")
	fl.BoolVar(&f.quiet, "without-noise", false, "learning: train the same without noise too, and compare")
	return cmd
}

func (f *simulateFlags) run(cmd *cobra.Command) error {
	if err := f.check(cmd); err != nil {
		return usageError{err}
	}
	if f.mode == learningMode {
		return f.learning(cmd)
	}
	return f.protocol(cmd)
}

// check reads what both modes have.
func (f *simulateFlags) check(cmd *cobra.Command) error {
	if f.mode != protocolMode && f.mode != learningMode {
		return fmt.Errorf("--mode is %q: want %s or %s", f.mode, protocolMode, learningMode)
	}
	of := map[string][]string{protocolMode: {"words", "drop", "restart", "crash", "network", "secagg", "kex", "sig", "prg", "policy", "memory"},
		learningMode: {"task", "data", "every", "without-noise"}}
	for mode, names := range of {
		for _, name := range names {
			if mode != f.mode && cmd.Flags().Changed(name) {
				return fmt.Errorf("--%s is about --mode %s, and the mode is %s", name, mode, f.mode)
			}
		}
	}
	for name, v := range map[string]int{"devices": f.devices, "rounds": f.rounds, "every": f.every} {
		if v < 0 || v == 0 && cmd.Flags().Changed(name) {
			return fmt.Errorf("--%s is %d: want 1 or more", name, v)
		}
	}
	if err := f.picture(); err != nil {
		return err
	}
	return accel.Check(f.gpu)
}

// picture says whether --plot can be written, as far as that can be known before the study.
func (f *simulateFlags) picture() error {
	if f.plot == "" {
		return nil
	}
	if !slices.Contains(simulate.Formats(), ending(f.plot)) {
		return fmt.Errorf("--plot is %q: want a name that ends in one of %v", f.plot, simulate.Formats())
	}
	if folder, err := os.Stat(filepath.Dir(f.plot)); err != nil || !folder.IsDir() {
		return fmt.Errorf("--plot is %q: there is no folder %s", f.plot, filepath.Dir(f.plot))
	}
	return nil
}

// protocol runs rounds of the real machines.
func (f *simulateFlags) protocol(cmd *cobra.Command) error {
	p, err := f.study()
	if err != nil {
		return usageError{err}
	}
	terms, err := p.Terms()
	if err != nil {
		return usageError{err}
	}
	v := f.view(cmd)
	p.Progress = v.progress
	p.Round = func(r *simulate.ProtocolRound) error { return v.line(r, func(w io.Writer) { r.PrintRound(w) }) }
	return withGPU(v.meter.bar, accel.Open, f.gpu, func(a *accel.Accel) error {
		p.Accumulators = a.Accumulators()
		if !f.asJSON {
			p.PrintTerms(v.out, terms)
		}
		s, err := p.Run(cmd.Context())
		v.meter.clear()
		if err != nil {
			return f.ended(cmd, err)
		}
		return errors.Join(v.line(s, func(w io.Writer) { s.Print(w, f.command(cmd)) }), f.draw(s.Draw))
	})
}

// study reads the flags of mode protocol.
func (f *simulateFlags) study() (*simulate.Protocol, error) {
	p := &simulate.Protocol{Devices: f.devices, Rounds: f.rounds, Words: f.words, Seed: f.seed, Restart: f.restart, Policy: f.policy, Sig: protocol.SigEd25519,
		Suite: aggregation.Suite{Kex: aggregation.KexX25519, WordBits: 32}}
	if p.Devices == 0 {
		p.Devices = 100
	}
	if p.Rounds == 0 {
		p.Rounds = 3
	}
	if !(f.memory > 0 && f.memory <= 1e6) {
		return nil, fmt.Errorf("--memory is %v: want a number of GB above 0", f.memory)
	}
	p.Memory = int64(f.memory * 1e9)
	var err error
	if p.Mode, p.Suite.PRG, err = modeAndPRG("secagg", f.secagg, f.prg); err != nil {
		return nil, err
	}
	wing, err := oneOf("kex", f.kex, "x25519", "x-wing")
	if err != nil {
		return nil, err
	}
	if wing {
		p.Suite.Kex = aggregation.KexXWing
	}
	mldsa, err := oneOf("sig", f.sig, "ed25519", "ml-dsa")
	if err != nil {
		return nil, err
	}
	if mldsa {
		p.Sig = protocol.SigHybrid
	}
	if p.Drop, err = simulate.ParseDrop(f.drop); err != nil {
		return nil, err
	}
	if p.Crash, err = simulate.ParseCrash(f.crash); err != nil {
		return nil, err
	}
	p.Network, err = simulate.ParseNetwork(f.network)
	return p, err
}

// view is where a study's lines and its bar go.
type view struct {
	out    io.Writer
	asJSON bool
	meter  *meter
}

func (f *simulateFlags) view(cmd *cobra.Command) *view {
	return &view{out: cmd.OutOrStdout(), asJSON: f.asJSON, meter: newMeter(cmd.ErrOrStderr())}
}

// progress draws on a terminal alone: elsewhere the lines tell.
func (v *view) progress(what string, done, all int) {
	if v.meter.live {
		v.meter.bar.draw(what, done, all)
	}
}

// timed says how long the rest takes too, for rounds that take as long as each other.
func (v *view) timed(what string, done, all int) {
	if v.meter.live {
		v.meter.draw(what, done, all)
	}
}

// once tells the first of many errors: what fails in one round fails in all.
func (v *view) once(told func(error)) func(error) {
	first := true
	return func(err error) {
		if first && told != nil {
			told(err)
		}
		first = false
	}
}

// ended says how a study ended before its time.
func (f *simulateFlags) ended(cmd *cobra.Command, err error) error {
	if cmd.Context().Err() != nil {
		return errors.New("simulate: stopped; the rounds above are whole")
	}
	return fmt.Errorf("simulate: %w", err)
}

// line prints one, for programs or for people.
func (v *view) line(value any, people func(io.Writer)) error {
	v.meter.clear()
	var b bytes.Buffer
	if !v.asJSON {
		people(&b)
	} else if err := json.NewEncoder(&b).Encode(value); err != nil {
		return fmt.Errorf("print a line: %w", err)
	}
	if _, err := v.out.Write(b.Bytes()); err != nil {
		return fmt.Errorf("print a line: %w", err)
	}
	return nil
}

// draw writes the picture, whole or not at all.
func (f *simulateFlags) draw(draw func(w io.Writer, format string) error) error {
	if f.plot == "" {
		return nil
	}
	var b bytes.Buffer
	if err := draw(&b, ending(f.plot)); err != nil {
		return err
	}
	if err := os.WriteFile(f.plot, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the picture: %w", err)
	}
	return nil
}

// command is the command with the flags that were given, so that a reader can run it again.
func (f *simulateFlags) command(cmd *cobra.Command) string {
	parts := []string{cmd.CommandPath()}
	for _, name := range []string{"mode", "devices", "rounds", "seed", "words", "drop", "restart", "crash", "network", "secagg", "kex", "sig", "prg", "policy", "task", "data", "every",
		"without-noise"} {
		switch flag := cmd.Flags().Lookup(name); {
		case !flag.Changed:
		case flag.Value.Type() == "bool":
			parts = append(parts, strings.TrimSuffix("--"+name+"="+flag.Value.String(), "=true"))
		default:
			parts = append(parts, "--"+name+" "+flag.Value.String())
		}
	}
	return strings.Join(parts, " ")
}

// learning trains a task.
func (f *simulateFlags) learning(cmd *cobra.Command) error {
	t, err := loadTask(f.task)
	if err != nil {
		return usageError{err}
	}
	e, err := engine(t.Run.Engine)
	if err != nil {
		return usageError{err}
	}
	l := &simulate.Learning{Seed: f.seed, Every: f.every, Quiet: f.quiet, Engine: e, Set: t.Data.Set}
	dir := f.data
	if dir == "" {
		dir = os.Getenv("CINESYNC_DATA")
	}
	if dir == "" || dir == simulate.MadeUp {
		l.Set = simulate.MadeUp
		l.Data, err = simulate.MakeUp(t, f.devices, f.seed)
	} else {
		l.Data, err = simulate.Read(dir, t, f.devices, f.seed)
	}
	switch {
	case errors.Is(err, simulate.ErrDevices):
		return usageError{err}
	case err != nil:
		return err
	}
	if l.Task, err = t.Fit(f.rounds, len(l.Data.Split.Train.Histories)); err != nil {
		return usageError{err}
	}
	v := f.view(cmd)
	l.Progress = v.timed
	l.Told = func(err error) { v.meter.say("gpu: " + err.Error()) }
	l.Round = func(r *simulate.LearningRound) error {
		return v.line(r, func(w io.Writer) {
			if r.Figures != nil || len(l.Data.Split.Cases) == 0 {
				r.PrintRound(w)
			}
		})
	}
	return withGPU(v.meter.bar, accel.OpenOne, f.gpu, func(a *accel.Accel) error {
		l.Judge = a.Judge()
		l.Judge.Told = v.once(l.Judge.Told)
		if len(a.Devices()) > 0 && l.Engine == nil {
			l.GPU, l.Backend = a.Devices()[0].Info().Name, a.Trainer()
		}
		if !f.asJSON {
			l.PrintTerms(v.out)
		}
		s, err := l.Run(cmd.Context())
		v.meter.clear()
		if err != nil {
			return f.ended(cmd, err)
		}
		return errors.Join(v.line(s, func(w io.Writer) { s.Print(w, f.command(cmd), dir) }), f.draw(s.Draw))
	})
}
