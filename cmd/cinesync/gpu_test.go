package main

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/cinesync/cinesync/cmd/internal/accel"
	"github.com/cinesync/cinesync/gpu"
)

func TestPrintGPUs(t *testing.T) {
	well := accel.Tried{Info: gpu.Info{Name: "A", Compute: "9.0", Driver: "13.0", Processors: 132, Memory: 85e9, L2: 50e6}, Usable: true, Free: 84e9, Words: 7, Copy: 3000.4, Start: 0.6}
	old, sick := well, well
	old.Index, old.Usable, old.Trouble = 1, false, "compute capability 7.5"
	sick.Index, sick.Trouble = 2, "word 3 of 7"
	for _, c := range []struct {
		name string
		seen accel.Seen
		want []string
		fail string
	}{
		{"none", accel.Seen{None: "the reason"}, []string{"no GPU: the reason", "everything runs on the CPU"}, ""},
		{"well and old", accel.Seen{GPUs: []accel.Tried{well, old}}, []string{"0  A\n", "85.0 GB of memory (84.0 GB free)", "works: a kernel of 7 words", "3000 GB/s", "1  A\n", "not used: compute capability 7.5", "--gpu auto|off|INDEX"}, ""},
		{"sick", accel.Seen{GPUs: []accel.Tried{sick}}, []string{"not used: word 3 of 7"}, "GPU 2 does not work: word 3 of 7"},
	} {
		var b bytes.Buffer
		err := printGPUs(&b, c.seen, false)
		for _, want := range c.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: no %q in\n%s", c.name, want, b.String())
			}
		}
		if (err != nil) != (c.fail != "") || err != nil && !strings.Contains(err.Error(), c.fail) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestWhatAGPUSaysStandsAboveTheBar has lines said while a bar is drawn, from two sides, and wants none behind what is left of it.
func TestWhatAGPUSaysStandsAboveTheBar(t *testing.T) {
	var out bytes.Buffer
	b := &bar{out: &out, live: true}
	var say accel.Say
	fake := func(_ string, s accel.Say) (*accel.Accel, error) {
		say = s
		say(slog.LevelInfo, "gpu: Abacus 9")
		return &accel.Accel{}, nil
	}
	err := withGPU(b, fake, accel.Auto, func(*accel.Accel) error {
		b.draw("training", 1, 4)
		var said sync.WaitGroup
		said.Go(func() { say(slog.LevelWarn, "gpu: unplugged") })
		b.draw("training", 2, 4)
		said.Wait()
		b.draw("training", 3, 4)
		b.clear()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if !strings.HasPrefix(text, "cinesync: gpu: Abacus 9\n") || strings.Count(text, "\n") != 2 || !strings.Contains(text, " \rcinesync: gpu: unplugged\n") {
		t.Errorf("the terminal got %q", text)
	}
}
