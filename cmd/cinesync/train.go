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
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/cmd/cinesync/train"
	"github.com/cinesync/cinesync/cmd/internal/accel"
	"github.com/cinesync/cinesync/model"
)

// trainFlags are the command's as they are written.
type trainFlags struct {
	task, data, engine string
	seeds              int
	curve, plot, out   string
	least, gpu         string
	force, asJSON      bool
}

func trainCommand() *cobra.Command {
	var f trainFlags
	cmd := &cobra.Command{Use: "train", Short: "Train a task in simulation, without keys and masks, and judge what comes out",
		Long: `Trains a task file, or a built-in task by its name, on data that lies here: the same training, clip, grid, sums and noise as rounds of
devices, without keys and masks. Each person's newest title that training may have is held out, and the model of the last round is judged by it,
beside popularity and the same training without noise.

Built-in tasks: ` + strings.Join(task.Names(), ", ") + ".", Args: exactly(), RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) }}
	cmd.AddCommand(trainPage())
	fl := cmd.Flags()
	fl.StringVar(&f.task, "task", "", "a task file (NAME.toml) or a built-in task")
	fl.StringVar(&f.data, "data", "", "folder of the data set, or the one that holds it")
	fl.IntVar(&f.seeds, "seeds", 0, "how many of the task's seeds to train with (default: all)")
	fl.StringVar(&f.engine, "engine", "", "hand or gorgonia, the slow reference (default: the task's)")
	fl.StringVar(&f.curve, "curve", "", "measure accuracy against epsilon=1,2,4,8 or rounds or bytes")
	fl.StringVar(&f.plot, "plot", "", "write a picture of the curve: FILE.svg, .png or .pdf")
	fl.StringVar(&f.out, "out", "", "write the first seed's model to this file")
	fl.StringVar(&f.least, "least", "", "fail where HR@10/NDCG@10 are below these, as in 0.70/0.42")
	fl.StringVar(&f.gpu, "gpu", accel.Auto, accel.Usage("trains devices and measures models (engine gorgonia trains on the CPU)"))
	fl.BoolVar(&f.force, "force", false, "write it although it loses to popularity")
	fl.BoolVar(&f.asJSON, "json", false, "print one JSON object")
	return cmd
}

func (f *trainFlags) run(cmd *cobra.Command) error {
	o, err := f.options(cmd)
	if err != nil {
		return usageError{err}
	}
	if o.Data, err = train.Read(f.data, o.Task.Data); err != nil {
		return err
	}
	m := newMeter(cmd.ErrOrStderr())
	o.Progress = m.draw
	o.Told = func(err error) { m.say("gpu: " + err.Error()) }
	if o.Engine != nil && f.gpu != accel.Auto && f.gpu != accel.Off {
		m.say("gpu: engine " + o.Task.Run.Engine + " trains on the CPU, and GPU " + f.gpu + " only measures what was trained")
	}
	return withGPU(m.bar, accel.OpenOne, f.gpu, func(a *accel.Accel) error {
		o.Judge = a.Judge()
		if len(a.Devices()) > 0 && o.Engine == nil {
			o.GPU, o.Backend = a.Devices()[0].Info().Name, a.Trainer()
		}
		report, served, err := train.Run(cmd.Context(), o)
		m.clear()
		if err != nil {
			err = fmt.Errorf("train: %w", err)
		}
		return f.finish(cmd, report, served, err)
	})
}

// finish prints and writes what there is of a training, which may have ended with an error.
func (f *trainFlags) finish(cmd *cobra.Command, report *train.Report, served *model.Snapshot, err error) error {
	if report == nil {
		return errors.Join(err, f.keepGood(err))
	}
	if report.Against != "" {
		if err := f.draw(report); err != nil {
			return errors.Join(err, f.write(report, served))
		}
	}
	if f.out != "" && report.Unjudged != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "cinesync: *** %s is written as it is: %s ***\n", f.out, report.Unjudged)
	}
	if err := printReport(cmd.OutOrStdout(), report, f.asJSON); err != nil {
		return errors.Join(err, f.write(report, served))
	}
	return errors.Join(err, f.write(report, served), f.enough(report))
}

// goal reads --least.
func (f *trainFlags) goal() (hr, ndcg float64, err error) {
	if f.least == "" {
		return 0, 0, nil
	}
	a, b, _ := strings.Cut(f.least, "/")
	hr, err = strconv.ParseFloat(a, 64)
	if err == nil {
		ndcg, err = strconv.ParseFloat(b, 64)
	}
	if err != nil || !(hr >= 0 && hr <= 1 && ndcg >= 0 && ndcg <= 1) {
		return 0, 0, fmt.Errorf("--least is %q: want two numbers between 0 and 1, as in 0.70/0.42", f.least)
	}
	return hr, ndcg, nil
}

// enough holds the report against --least.
func (f *trainFlags) enough(r *train.Report) error {
	hr, ndcg, err := f.goal()
	if err == nil && f.least != "" && r.Unjudged != "" {
		return fmt.Errorf("--least %s: %s", f.least, r.Unjudged)
	}
	if err == nil && (r.HR10 < hr || r.NDCG10 < ndcg) {
		err = fmt.Errorf("HR@10 %.3f and NDCG@10 %.3f of the last round are below %s", r.HR10, r.NDCG10, f.least)
	}
	return err
}

func printReport(w io.Writer, r *train.Report, asJSON bool) error {
	if !asJSON {
		return r.Print(w)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("print report: %w", err)
	}
	return nil
}

// options reads the flags before minutes are spent.
func (f *trainFlags) options(cmd *cobra.Command) (train.Options, error) {
	var o train.Options
	for _, name := range []string{"task", "data"} {
		if cmd.Flags().Lookup(name).Value.String() == "" {
			return o, fmt.Errorf("%s: --%s is missing", cmd.CommandPath(), name)
		}
	}
	var err error
	if o.Task, err = loadTask(f.task); err != nil {
		return o, err
	}
	if f.engine != "" {
		o.Task.Run.Engine = f.engine
	}
	if o.Engine, err = engine(o.Task.Run.Engine); err != nil {
		return o, err
	}
	if f.seeds < 0 || cmd.Flags().Changed("seeds") && f.seeds == 0 || f.seeds > len(o.Task.Run.Seeds) {
		return o, fmt.Errorf("--seeds is %d: the task has %d (run.seeds); ask for 1 to %d", f.seeds, len(o.Task.Run.Seeds), len(o.Task.Run.Seeds))
	}
	if err := accel.Check(f.gpu); err != nil {
		return o, err
	}
	if f.curve != "" {
		if o.Curve, err = train.ParseCurve(f.curve); err != nil {
			return o, err
		}
	}
	if f.plot != "" && !slices.Contains(train.Formats(), ending(f.plot)) {
		return o, fmt.Errorf("--plot is %q: want a name that ends in one of %v", f.plot, train.Formats())
	}
	if f.plot != "" && f.curve == "" {
		return o, errors.New("--plot draws a curve: say which with --curve")
	}
	if _, _, err := f.goal(); err != nil {
		return o, err
	}
	if f.force && f.out == "" {
		return o, errors.New("--force is about --out, which is missing")
	}
	o.Seeds, o.Command = f.seeds, f.command(cmd)
	return o, nil
}

func ending(file string) string { return strings.ToLower(strings.TrimPrefix(filepath.Ext(file), ".")) }

// engine finds an engine by its name.
func engine(name string) (train.Engine, error) {
	switch name {
	case task.HandEngine:
		return nil, nil
	case task.GorgoniaEngine:
		return train.Graphs{}, nil
	}
	return nil, fmt.Errorf("--engine is %q: want hand or gorgonia", name)
}

// loadTask reads a file, where the name looks like one, or a built-in task.
func loadTask(name string) (*task.Task, error) {
	if !strings.HasSuffix(name, ".toml") && !strings.ContainsRune(name, filepath.Separator) {
		return task.Named(name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("--task: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, task.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("--task: %w", err)
	}
	t, err := task.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("--task %s: %w", name, err)
	}
	return t, nil
}

// command is the command with every flag that decides a figure, so that a reader can run it again.
func (f *trainFlags) command(cmd *cobra.Command) string {
	parts := []string{cmd.CommandPath(), "--task", f.task, "--data", "DATA"}
	for _, name := range []string{"seeds", "engine", "curve"} {
		if cmd.Flags().Changed(name) {
			parts = append(parts, "--"+name, cmd.Flags().Lookup(name).Value.String())
		}
	}
	return strings.Join(parts, " ")
}

// draw writes the picture, whole or not at all.
func (f *trainFlags) draw(r *train.Report) error {
	if f.plot == "" {
		return nil
	}
	var b bytes.Buffer
	if err := r.Draw(&b, ending(f.plot)); err != nil {
		return err
	}
	if err := os.WriteFile(f.plot, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the picture: %w", err)
	}
	return nil
}

// write writes the model, unless it is worth less than knowing only what everybody watches.
func (f *trainFlags) write(r *train.Report, s *model.Snapshot) error {
	if f.out == "" {
		return nil
	}
	if len(r.Loses) > 0 && !f.force {
		return fmt.Errorf("the model loses to popularity under %s, and %s is not written: train longer or with less noise, or write it with --force",
			strings.Join(r.Loses, " and "), f.out)
	}
	if err := os.WriteFile(f.out, s.Encode(), 0o644); err != nil {
		return fmt.Errorf("write the model: %w", err)
	}
	return nil
}

// keepGood writes the last good model of a training that left the numbers, beside where the model would be.
func (f *trainFlags) keepGood(err error) error {
	var d *train.Diverged
	if f.out == "" || !errors.As(err, &d) {
		return nil
	}
	name := f.out + ".last-good"
	if err := os.WriteFile(name, d.Good.Encode(), 0o644); err != nil {
		return fmt.Errorf("keep the last good model: %w", err)
	}
	return fmt.Errorf("the last good model is in %s", name)
}

// meter is a bar that says how long the rest takes, on a terminal.
type meter struct {
	*bar
	what  string
	began time.Time
}

func newMeter(out io.Writer) *meter { return &meter{bar: newBar(out)} }

func (m *meter) draw(what string, done, all int) {
	if what != m.what {
		m.what, m.began = what, time.Now()
	}
	if m.live && done > 0 {
		left := time.Duration(float64(time.Since(m.began)) * float64(all-done) / float64(done))
		what = fmt.Sprintf("rounds, %s, %s left", what, left.Round(time.Second))
	}
	m.bar.draw(what, done, all)
}
