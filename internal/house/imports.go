package house

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// rooms checks that each package has a line and that its code imports only what the line allows. Test files are free: they
// are never linked, and a test may stand its package beside any neighbour.
func (h *House) checkRooms(tree Tree) []string {
	var problems []string
	for _, p := range tree.packages() {
		room, ok := h.room(p.dir)
		if !ok {
			problems = append(problems, fmt.Sprintf("%s: not in the table of rooms; give it a line with its kind and what it may import", p.dir))
			continue
		}
		for _, f := range p.files {
			for _, imported := range f.imports() {
				dir, ours := h.ours(imported)
				if !ours || f.Test {
					continue
				}
				if target, ok := h.room(dir); ok && target.Kind == "suite" {
					problems = append(problems, fmt.Sprintf("%s: imports %s, a suite: only tests may", f.Path, dir))
				} else if !room.allows(dir) {
					problems = append(problems, fmt.Sprintf("%s: %s may not import %s; move the code, or hand over a plain value", f.Path, p.dir, dir))
				}
			}
		}
	}
	return problems
}

// checkOutside checks that outside modules stay in their rooms, tests included: what a test needs of a vendor belongs
// beside the vendor's adapter.
func (h *House) checkOutside(tree Tree) []string {
	var problems []string
	for _, f := range tree {
		for _, imported := range f.imports() {
			if _, ours := h.ours(imported); ours || !strings.Contains(strings.SplitN(imported, "/", 2)[0], ".") {
				continue
			}
			grant, ok := module(h.outside, imported)
			if !ok {
				problems = append(problems, fmt.Sprintf("%s: imports %s, which has no room; a new dependency is a decision of its own", f.Path, imported))
			} else if !coversAny(grant.rooms, f.Dir) && !(slices.Contains(grant.rooms, "tests") && h.testing(f)) {
				problems = append(problems, fmt.Sprintf("%s: imports %s, whose rooms are %v", f.Path, imported, grant.rooms))
			}
		}
	}
	return problems
}

// checkReach checks that only the rooms named import the standard packages that reach outside the process.
func (h *House) checkReach(tree Tree) []string {
	var problems []string
	for _, f := range tree {
		for _, imported := range f.imports() {
			for _, grant := range h.reach {
				closed := len(grant.rooms) == 0
				if imported != grant.subject && !strings.HasPrefix(imported, grant.subject+"/") || h.separate(grant.subject, imported) {
					continue
				}
				if closed || !f.Test && !coversAny(grant.rooms, f.Dir) {
					problems = append(problems, fmt.Sprintf("%s: imports %s, whose rooms are %v", f.Path, imported, grant.rooms))
				}
			}
		}
	}
	return problems
}

// separate tells the packages below a subject that are not meant with it: the values of net, and version 2 of math/rand.
// Other packages with a line of their own are judged by that line.
func (h *House) separate(subject, imported string) bool {
	if imported == subject {
		return false
	}
	own := slices.ContainsFunc(h.reach, func(g grant) bool {
		return g.subject != subject && len(g.subject) > len(subject) && (g.subject == imported || strings.HasPrefix(imported, g.subject+"/"))
	})
	return own || imported == "net/url" || imported == "net/netip" || imported == "math/rand/v2"
}

// checkPrograms checks that commands are those of the policy, and that nothing else is a program.
func (h *House) checkPrograms(tree Tree) []string {
	var problems []string
	for _, f := range tree {
		if name := f.tree.Name.Name; name == "main" && !slices.Contains(h.programs, f.Dir) {
			problems = append(problems, fmt.Sprintf("%s: a program; the programs are %v", f.Path, h.programs))
		}
	}
	return problems
}

// ours returns the folder of one of the module's own packages.
func (h *House) ours(imported string) (dir string, ok bool) {
	if imported == h.module {
		return ".", true
	}
	return strings.CutPrefix(imported, h.module+"/")
}

// testing reports whether a file is only ever linked into tests.
func (h *House) testing(f File) bool {
	room, ok := h.room(f.Dir)
	return f.Test || ok && room.Kind == "suite"
}

// module finds the line of the module that a package belongs to.
func module(grants []grant, imported string) (grant, bool) {
	for p := imported; p != "."; p = path.Dir(p) {
		for _, g := range grants {
			if g.subject == p {
				return g, true
			}
		}
	}
	return grant{}, false
}
