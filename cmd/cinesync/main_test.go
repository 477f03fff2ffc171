package main

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cinesync/cinesync/internal/raced"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cinesync": main})
}

// TestScripts runs the program as a person would. Each script is one situation.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true, Condition: condition,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits, "report": checkReport, "taken": taken}})
}

// condition knows [race].
func condition(name string) (bool, error) {
	if name == "race" {
		return raced.On(), nil
	}
	return false, fmt.Errorf("condition %q is unknown", name)
}

// exits N ARGS... runs cinesync and wants exit code N.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec("cinesync", args[1:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}
