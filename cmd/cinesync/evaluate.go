package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/cmd/cinesync/evaluate"
	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/cmd/internal/accel"
)

// evaluateFlags are the command's as they are written.
type evaluateFlags struct {
	task   string
	files  evaluate.Files
	rounds int
	seeds  int
	neumf  bool
	plot   string
	asJSON bool
	cross  bool
	gpu    string
}

func evaluateCommand() *cobra.Command {
	var f evaluateFlags
	cmd := &cobra.Command{Use: "evaluate", Short: "Train a task on a split of your own and judge it beside the baselines",
		Long: `Trains in simulation by a task, and ranks each user's held-out title against uniform negatives, as many by popularity, and the whole
catalogue, beside random, popularity, ItemKNN, EASE and iALS. The model of the last round is judged, never the best.

The split is files in the NCF text format, each plain or gzip, ids from 0:
  train      user<TAB>item, in time order (or user<TAB>item<TAB>rating<TAB>time)
  test       user<TAB>item<TAB>rating<TAB>time, one line a user
  negatives  (user,item)<TAB>negative<TAB>negative ..., one line a user; without the file 99 are drawn
Without --test, or from a folder with --data, everybody's last training title is held out instead. Of a folder of MovieLens ratings the newest
title of each person is the test split: it is set aside first, and reaches neither training nor figures. The report says which title judged.

Titles of a split are bare numbers, of which nothing public is known: item vectors start random, whatever the file of the task or of its base (model.base) says. The report has
the start and the hash of the task as it was trained (start and task_hash).

Tasks: two-tower and ncf (no noise), other built-in ones (` + strings.Join(task.Names(), ", ") + `), or a file.`,
		Args: exactly(), RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) }}
	fl := cmd.Flags()
	fl.StringVar(&f.task, "task", "", "two-tower, ncf, another built-in task, or a task file (NAME.toml)")
	fl.StringVar(&f.files.Train, "train", "", "training file")
	fl.StringVar(&f.files.Test, "test", "", "test file (default: hold out the last training titles)")
	fl.StringVar(&f.files.Negatives, "negatives", "", "negatives file (default: draw them)")
	fl.StringVar(&f.files.Data, "data", "", "folder of a data set, in place of files")
	fl.IntVar(&f.files.Items, "items", 0, "titles of the catalogue (default: one more than the largest id)")
	fl.IntVar(&f.files.Count, "draw", 99, "uniform negatives a user, where they are drawn")
	fl.IntVar(&f.rounds, "rounds", 0, "rounds of training (default: the task's)")
	fl.IntVar(&f.seeds, "seeds", 1, "trainings, with seeds one after the other")
	fl.Uint64Var(&f.files.Seed, "seed", 1, "first seed: of training, drawn negatives and baselines")
	fl.BoolVar(&f.neumf, "neumf", false, "train NeuMF at one place too, as a baseline: minutes")
	fl.StringVar(&f.plot, "plot", "", "write a picture of the figures: FILE.svg, .png or .pdf")
	fl.BoolVar(&f.cross, "cross", false, "measure one model over films and series, on made-up titles and people; takes --seed and --json alone")
	fl.BoolVar(&f.asJSON, "json", false, "print one JSON object")
	fl.StringVar(&f.gpu, "gpu", accel.Auto, accel.Usage("measures what was trained (the CPU trains)"))
	return cmd
}

func (f *evaluateFlags) run(cmd *cobra.Command) error {
	if f.cross {
		if err := onlyCross(cmd); err != nil {
			return usageError{err}
		}
		return runCross(cmd, f.files.Seed, f.asJSON)
	}
	t, err := f.check(cmd)
	if err != nil {
		return usageError{err}
	}
	s, kind, err := f.files.Read()
	if err != nil {
		return fmt.Errorf("read the split: %w", err)
	}
	trainer, err := evaluate.For(t, f.rounds, s.Train)
	if err != nil {
		return usageError{err}
	}
	b := newBar(cmd.ErrOrStderr())
	o := evaluate.Options{Task: t.Name, Fitted: trainer.Task, Trainer: trainer, Quiet: trainer.Quiet(), Split: s, Kind: kind, Seed: f.files.Seed, Seeds: f.seeds, NeuMF: f.neumf}
	if b.live {
		o.Progress = b.draw
	}
	return withGPU(b, accel.OpenOne, f.gpu, func(a *accel.Accel) error {
		o.Judge = a.Judge()
		r, err := evaluate.Run(cmd.Context(), o)
		b.clear()
		if err != nil {
			return fmt.Errorf("evaluate: %w", err)
		}
		return f.print(cmd, r)
	})
}

// print draws the figures and prints the report.
func (f *evaluateFlags) print(cmd *cobra.Command, r *evaluate.Report) error {
	if err := f.draw(r); err != nil {
		return err
	}
	if !f.asJSON {
		return r.Print(cmd.OutOrStdout())
	}
	for _, warning := range r.Warnings() {
		fmt.Fprintf(cmd.ErrOrStderr(), "cinesync: *** %s ***\n", warning)
	}
	return r.WriteJSON(cmd.OutOrStdout())
}

// check reads the flags before minutes are spent.
func (f *evaluateFlags) check(cmd *cobra.Command) (*task.Task, error) {
	switch {
	case f.task == "":
		return nil, fmt.Errorf("%s: --task is missing", cmd.CommandPath())
	case f.files.Train == "" && f.files.Data == "":
		return nil, fmt.Errorf("%s: --train is missing, or --data", cmd.CommandPath())
	case f.seeds < 1:
		return nil, fmt.Errorf("--seeds is %d: want 1 or more", f.seeds)
	case f.rounds < 0 || cmd.Flags().Changed("rounds") && f.rounds == 0:
		return nil, fmt.Errorf("--rounds is %d: want 1 or more", f.rounds)
	case f.files.Items < 0:
		return nil, fmt.Errorf("--items is %d: want 2 or more", f.files.Items)
	}
	if err := accel.Check(f.gpu); err != nil {
		return nil, err
	}
	if f.plot != "" && !slices.Contains(evaluate.Formats(), ending(f.plot)) {
		return nil, fmt.Errorf("--plot is %q: want a name that ends in one of %v", f.plot, evaluate.Formats())
	}
	return loadTask(f.task)
}

// draw writes the picture, whole or not at all.
func (f *evaluateFlags) draw(r *evaluate.Report) error {
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
