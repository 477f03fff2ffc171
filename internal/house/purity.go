package house

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// impure are the standard packages, each with everything below it, that pure packages may not import.
var impure = []string{"net", "os", "database/sql", "log", "context", "sync", "syscall", "runtime", "plugin", "crypto/rand", "expvar", "testing"}

// clocks are the names of package time that read or wait for a clock.
var clocks = []string{"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer", "Sleep", "."}

// seeded are the names of math/rand/v2 that do not draw from its global source.
var seeded = []string{"Rand", "New", "Source", "PCG", "NewPCG", "ChaCha8", "NewChaCha8", "Zipf", "NewZipf"}

// secretRooms take their randomness from an io.Reader alone, so that no learning generator can end up in a secret.
var secretRooms = []string{"privacy", "aggregation"}

// checkPurity checks that pure packages decide on values: nothing that waits, reads the world or draws by itself.
func (h *House) checkPurity(tree Tree) []string {
	var problems []string
	for _, f := range tree {
		room, ok := h.room(f.Dir)
		if !ok || room.Kind != "pure" || f.Test {
			continue
		}
		for _, imported := range f.imports() {
			if !below(impure, imported) {
				continue
			}
			names := h.excepted(f.Dir, imported)
			if names == nil {
				problems = append(problems, fmt.Sprintf("%s: pure, but imports %s; take what it gives as an argument", f.Path, imported))
			}
			for _, u := range f.uses(imported) {
				if names != nil && !slices.Contains(names, u.name) {
					problems = append(problems, fmt.Sprintf("%s: pure, and of %s may use %v alone, not %s", f.at(u.pos), imported, names, u.name))
				}
			}
		}
		for _, u := range f.uses("time") {
			if slices.Contains(clocks, u.name) {
				problems = append(problems, fmt.Sprintf("%s: pure, but uses time.%s; take the time as an argument", f.at(u.pos), u.name))
			}
		}
		for _, u := range f.uses("math/rand/v2") {
			if !slices.Contains(seeded, u.name) {
				problems = append(problems, fmt.Sprintf("%s: pure, but draws from a global source with rand.%s; take a *rand.Rand", f.at(u.pos), u.name))
			}
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if statement, ok := n.(*ast.GoStmt); ok {
				problems = append(problems, fmt.Sprintf("%s: pure, but starts a goroutine; loops over data use %s", f.at(statement.Pos()), parallel))
			}
			return true
		})
	}
	return problems
}

// checkSecretRandomness checks that rooms of secrets have no generator for learning.
func (h *House) checkSecretRandomness(tree Tree) []string {
	var problems []string
	for _, f := range tree {
		if f.Test || !slices.Contains(secretRooms, f.Dir) {
			continue
		}
		for _, imported := range f.imports() {
			if below([]string{"math/rand"}, imported) {
				problems = append(problems, fmt.Sprintf("%s: imports %s; secrets and noise come from an io.Reader", f.Path, imported))
			}
		}
	}
	return problems
}

// checkSleeps checks that nothing waits by sleeping, tests least of all.
func (h *House) checkSleeps(tree Tree) []string {
	var problems []string
	for _, f := range tree {
		for _, u := range f.uses("time") {
			if u.name == "Sleep" {
				problems = append(problems, fmt.Sprintf("%s: sleeps; wait for the condition, a timer with a context, or use testing/synctest", f.at(u.pos)))
			}
		}
	}
	return problems
}

func (h *House) excepted(dir, pkg string) []string {
	for _, e := range h.pure {
		if e.room == dir && e.pkg == pkg {
			return e.names
		}
	}
	return nil
}

func below(packages []string, imported string) bool {
	return slices.ContainsFunc(packages, func(p string) bool { return imported == p || strings.HasPrefix(imported, p+"/") })
}
