package accel

import (
	"os"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for choice, ok := range map[string]bool{"auto": true, "off": true, "0": true, "12": true, "": false, "-1": false, "gpu0": false, "1.0": false, "AUTO": false} {
		if err := Check(choice); (err == nil) != ok || err != nil && !strings.Contains(err.Error(), `--gpu is "`+choice+`"`) {
			t.Errorf("%q: %v", choice, err)
		}
	}
}

func TestOffSaysNothingAndIsTheCPU(t *testing.T) {
	a, err := Open(Off, func(line string) { t.Errorf("said %q", line) })
	if err != nil || a.Name() != "cpu" || len(a.Devices()) != 0 {
		t.Errorf("%+v %v", a, err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// TestAutoNeverFails: with a GPU or without, one line says what does the work.
func TestAutoNeverFails(t *testing.T) {
	var lines []string
	a, err := Open(Auto, func(line string) { lines = append(lines, line) })
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
}

func TestAGPUThatIsNotThereIsAnError(t *testing.T) {
	if _, err := Open("4095", func(line string) { t.Errorf("said %q", line) }); err == nil || !strings.Contains(err.Error(), "--gpu 4095: ") || !strings.Contains(err.Error(), "--gpu auto takes what there is") {
		t.Error(err)
	}
}
