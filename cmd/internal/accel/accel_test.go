package accel

import (
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/gpu/gputest"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/evaluate"
	"github.com/cinesync/cinesync/model/split"
)

func TestCheck(t *testing.T) {
	for choice, ok := range map[string]bool{"auto": true, "off": true, "0": true, "12": true, "": false, "-1": false, "gpu0": false, "1.0": false, "AUTO": false} {
		if err := Check(choice); (err == nil) != ok || err != nil && !strings.Contains(err.Error(), `--gpu is "`+choice+`"`) {
			t.Errorf("%q: %v", choice, err)
		}
	}
}

func TestOffSaysNothingAndIsTheCPU(t *testing.T) {
	a, err := Open(Off, func(_ slog.Level, line string) { t.Errorf("said %q", line) })
	if err != nil || a.Name() != "cpu" || len(a.Devices()) != 0 {
		t.Errorf("%+v %v", a, err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// TestWhatIsSaidIsALine, and a warning, whatever failed on however many GPUs.
func TestWhatIsSaidIsALine(t *testing.T) {
	var lines []string
	a, err := Open(Off, func(level slog.Level, line string) { lines = append(lines, level.String()+" "+line) })
	if err != nil {
		t.Fatal(err)
	}
	a.tookOver("expanding masks", errors.Join(errors.New("on GPU 0: gone"), errors.New("on GPU 1: too")))
	if want := "WARN gpu: expanding masks failed, the CPU takes over: on GPU 0: gone; on GPU 1: too"; len(lines) != 1 || lines[0] != want {
		t.Errorf("said %q", lines)
	}
}

// TestAutoNeverFails: with a GPU or without, one line says what does the work.
func TestAutoNeverFails(t *testing.T) {
	for name, open := range map[string]func(string, Say) (*Accel, error){"Open": Open, "OpenOne": OpenOne} {
		t.Run(name, func(t *testing.T) {
			var lines []string
			a, err := open(Auto, func(level slog.Level, line string) {
				if level != slog.LevelInfo {
					t.Errorf("%v: %s", level, line)
				}
				lines = append(lines, line)
			})
			if err != nil || len(lines) != 1 || !strings.HasPrefix(lines[0], "gpu: ") {
				t.Fatalf("%q %v", lines, err)
			}
			defer func() {
				if err := a.Close(); err != nil {
					t.Error(err)
				}
			}()
			if none := len(a.Devices()) == 0; none != strings.HasPrefix(lines[0], "gpu: none, the CPU does the work (") || none != (a.Name() == "cpu") {
				t.Errorf("%q with %d devices named %s", lines[0], len(a.Devices()), a.Name())
			}
			if len(a.Devices()) == 0 && os.Getenv("CINESYNC_GPU_REQUIRED") != "" {
				t.Error("no GPU")
			}
			if name == "OpenOne" && len(a.Devices()) > 1 {
				t.Errorf("%d GPUs are open for work for one", len(a.Devices()))
			}
		})
	}
}

func TestAGPUThatIsNotThereIsAnError(t *testing.T) {
	if _, err := Open("4095", func(_ slog.Level, line string) { t.Errorf("said %q", line) }); err == nil || !strings.Contains(err.Error(), "--gpu 4095: ") || !strings.Contains(err.Error(), "--gpu auto takes what there is") {
		t.Error(err)
	}
}

// TestTheJudgeIsTheGPU: where there is one it measures, and where there is none the CPU does, without a word.
func TestTheJudgeIsTheGPU(t *testing.T) {
	off, err := Open(Off, func(_ slog.Level, line string) { t.Errorf("said %q", line) })
	if err != nil || off.Judge().Open != nil {
		t.Errorf("%v: a backend without a GPU", err)
	}
	gputest.Open(t)
	var said []string
	a, err := Open(Auto, func(_ slog.Level, line string) { said = append(said, line) })
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	s, err := model.New(model.TwoTowerFamily, []string{"a", "b", "c", "d"}, nil, 2)
	if err != nil {
		t.Fatal(err)
	}
	judge, err := evaluate.New(&split.Split{Train: split.Train{Items: 4, Histories: [][]int{{0}, {1}}}, Cases: []split.Case{{User: 0, Item: 1, Negatives: []int{2, 3}}}}, evaluate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := a.Judge().Measure(judge, s); err != nil || r.Uniform.Users != 1 || len(said) != 1 {
		t.Errorf("%+v, %v, said %q", r, err, said)
	}
	base, err := model.NewHead(model.SequentialFamily, s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Judge().Measure(judge, base); err != nil || len(said) != 2 || !strings.Contains(said[1], "the CPU measures instead") {
		t.Errorf("a head: %v, said %q", err, said)
	}
}

// TestWhyTheCPUMeasuresIsSaidOnce: a study measures a model every few rounds, and one line is enough.
func TestWhyTheCPUMeasuresIsSaidOnce(t *testing.T) {
	var said []string
	told := (&Accel{say: func(level slog.Level, line string) { said = append(said, level.String()+" "+line) }}).once()
	for _, why := range []string{"it is lost", "it is lost", "it is lost", "no kernels for this model", "no kernels for this model"} {
		told(errors.New(why))
	}
	if !slices.Equal(said, []string{"WARN gpu: it is lost", "WARN gpu: no kernels for this model"}) {
		t.Errorf("said %q", said)
	}
}
