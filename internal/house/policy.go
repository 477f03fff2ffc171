package house

import (
	"fmt"
	"slices"
	"strings"
)

// Policy is the house's rules as text. Each table has one line per subject; "#" starts a comment, fields are separated by
// blanks, "x/*" is everything below x, "-" is nothing.
type Policy struct {
	Module   string // the module's path
	Rooms    string // pattern, kind, rooms of ours it may import ("anything" for programs)
	Outside  string // outside module, rooms that may import it ("tests" for tests and suites)
	Reach    string // standard package, rooms whose programs' code may import it
	Pure     string // pure room, standard package, names of it that the room may use although it is pure
	Programs string // folders of the commands
}

// House is a parsed policy.
type House struct {
	module   string
	rooms    []Room
	outside  []grant
	reach    []grant
	pure     []exception
	programs []string
}

// Room is one line of the table of rooms.
type Room struct {
	Pattern string
	Kind    string
	May     []string
}

type grant struct {
	subject string
	rooms   []string
}

type exception struct {
	room, pkg string
	names     []string
}

var kinds = []string{"pure", "driver", "adapter", "leaf", "suite", "program"}

// common are the leaves that every kind but pure may import; data-parallel loops are for all.
var (
	common   = []string{"internal/config", "internal/ops", "internal/failpoint", "internal/strictjson"}
	parallel = "internal/par"
)

// New parses a policy.
func New(p Policy) (*House, error) {
	h := &House{module: p.Module}
	for _, f := range table(p.Rooms) {
		if len(f) < 3 || !slices.Contains(kinds, f[1]) {
			return nil, fmt.Errorf("rooms: %q wants a pattern, a kind of %v and what it may import", strings.Join(f, " "), kinds)
		}
		h.rooms = append(h.rooms, Room{f[0], f[1], list(f[2:])})
	}
	for _, side := range []struct {
		text string
		into *[]grant
	}{{p.Outside, &h.outside}, {p.Reach, &h.reach}} {
		for _, f := range table(side.text) {
			if len(f) < 2 {
				return nil, fmt.Errorf("policy: %q wants rooms, or - for none", f[0])
			}
			*side.into = append(*side.into, grant{f[0], list(f[1:])})
		}
	}
	for _, f := range table(p.Pure) {
		if len(f) < 3 {
			return nil, fmt.Errorf("exceptions from purity: %q wants a room, a package and names", strings.Join(f, " "))
		}
		h.pure = append(h.pure, exception{f[0], f[1], f[2:]})
	}
	for _, f := range table(p.Programs) {
		h.programs = append(h.programs, f[0])
	}
	return h, nil
}

func table(text string) [][]string {
	var rows [][]string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) > 0 {
			rows = append(rows, fields)
		}
	}
	return rows
}

func list(fields []string) []string {
	if len(fields) == 1 && fields[0] == "-" {
		return nil
	}
	return fields
}

// Rooms returns the table of rooms, in its order.
func (h *House) Rooms() []Room { return h.rooms }

// room finds the line for a package: the exact one, else the longest pattern that covers it.
func (h *House) room(dir string) (Room, bool) {
	var best Room
	found := false
	for _, r := range h.rooms {
		if r.Pattern == dir {
			return r, true
		}
		if covers(r.Pattern, dir) && (!found || len(r.Pattern) > len(best.Pattern)) {
			best, found = r, true
		}
	}
	return best, found
}

// covers reports whether a pattern names a package.
func covers(pattern, dir string) bool {
	if below, ok := strings.CutSuffix(pattern, "/*"); ok {
		return strings.HasPrefix(dir, below+"/")
	}
	return pattern == dir
}

func coversAny(patterns []string, dir string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return covers(p, dir) })
}

// allows reports whether a room may import a package of ours.
func (r Room) allows(dir string) bool {
	if dir == parallel || coversAny(r.May, dir) || slices.Contains(r.May, "anything") {
		return true
	}
	return r.Kind != "pure" && slices.Contains(common, dir)
}

// Reaches returns every room that the table lets a room import, directly or through others, sorted.
func (h *House) Reaches(pattern string) []string {
	seen := map[string]bool{}
	var visit func(string)
	visit = func(p string) {
		for _, r := range h.rooms {
			if r.Pattern != p {
				continue
			}
			for _, to := range h.rooms {
				if !seen[to.Pattern] && (slices.Contains(r.May, to.Pattern) || coversAny(r.May, to.Pattern)) {
					seen[to.Pattern] = true
					visit(to.Pattern)
				}
			}
		}
	}
	visit(pattern)
	var all []string
	for p := range seen {
		all = append(all, p)
	}
	slices.Sort(all)
	return all
}
