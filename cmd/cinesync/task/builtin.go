package task

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

//go:embed builtin/*.toml
var builtin embed.FS

// Names lists the built-in tasks.
func Names() []string {
	files, err := builtin.ReadDir("builtin")
	if err != nil {
		panic("task: " + err.Error()) // it is embedded
	}
	var out []string
	for _, f := range files {
		out = append(out, strings.TrimSuffix(f.Name(), path.Ext(f.Name())))
	}
	return out
}

// Source gives the file of a built-in task.
func Source(name string) ([]byte, error) {
	b, err := builtin.ReadFile("builtin/" + name + ".toml")
	if err != nil {
		return nil, fmt.Errorf("there is no built-in task %q: want one of %s, or the name of a file that ends in .toml", name, strings.Join(Names(), ", "))
	}
	return b, nil
}

// Named reads a built-in task.
func Named(name string) (*Task, error) {
	b, err := Source(name)
	if err != nil {
		return nil, err
	}
	return Parse(b)
}
