package house

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestCheckDocument(t *testing.T) {
	block := func(language, text string) string { return "```" + language + "\n" + text + "\n```\n" }
	for _, c := range []struct{ name, text, want string }{
		{"in order", "[code](cmd/run/main.go) [up](#here) [out](https://example.org/x)\n" +
			block("sh", "git clone x\nmake test lint V=1   # all\n\nA=b go run ./cmd/run demo --json\ngo test ./cmd/...\ngo test ./...\nbin/run\n$ cd x") +
			block("go", "x := 1\n_ = x") + block("", "nonsense stays text"), ""},
		{"an unknown target", block("sh", "make tset"), "README.md:2: make has no target tset"},
		{"an unknown program", block("sh", "go run ./cmd/walk"), "no program cmd/walk"},
		{"an unknown built program", block("sh", "bin/walk"), "no program cmd/walk"},
		{"an unknown subcommand", block("sh", "go run ./cmd/run sing"), "cmd/run has no command sing"},
		{"an unknown package", block("sh", "go test -run X ./walk/..."), "no package walk"},
		{"an unknown command", block("sh", "walkctl up"), "walkctl is no command of this project"},
		{"a dead link", "see [it](docs/gone.md#x)", "README.md:1: the link to docs/gone.md#x leads nowhere"},
		{"go that does not parse", block("go", "func {"), "does not parse"},
		{"an open block", "```sh\nmake test\n", "not closed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			problems := CheckDocument(fstest.MapFS{
				"README.md":       {Data: []byte(c.text)},
				"Makefile":        {Data: []byte("GO := go\ntest: build ## run them\n\tgo test\nlint:\n")},
				"cmd/run/main.go": {Data: []byte("package main\nvar demo = &cobra.Command{Use: \"demo [flags]\"}")},
			}, "README.md")
			if c.want == "" && problems != nil {
				t.Errorf("said %q", problems)
			}
			if c.want != "" && (len(problems) != 1 || !strings.Contains(problems[0], c.want)) {
				t.Errorf("said %q, want one line with %q", problems, c.want)
			}
		})
	}
}

func TestTargetsReadsComments(t *testing.T) {
	got := Targets("X := 1\nA ?= b: c\ntest: build lint ## run them\n\t@x: y\nlint:\n.PHONY: test\n")
	if len(got) != 2 || got["test"] != "run them" || got["lint"] != "" {
		t.Errorf("got %q", got)
	}
}
