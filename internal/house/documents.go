package house

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// CheckDocument checks what a Markdown file promises about the tree: its relative links lead somewhere, the commands of
// its sh blocks exist, its go blocks parse. The Makefile at the root of fsys tells which targets there are.
func CheckDocument(fsys fs.FS, name string) []string {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return []string{fmt.Sprintf("%s: %v", name, err)}
	}
	var problems []string
	language, block := "", []string(nil)
	for number, line := range strings.Split(string(text), "\n") {
		place := fmt.Sprintf("%s:%d", name, number+1)
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && language == "":
			language, block = "text", nil
			if fence != "" {
				language = fence
			}
		case isFence:
			if language == "go" && !parses(strings.Join(block, "\n")) {
				problems = append(problems, place+": the go block above does not parse")
			}
			language = ""
		case language == "sh":
			problems = append(problems, command(fsys, place, line)...)
		case language != "":
			block = append(block, line)
		default:
			problems = append(problems, links(fsys, name, place, line)...)
		}
	}
	if language != "" {
		problems = append(problems, name+": a block is not closed")
	}
	return problems
}

// everywhere are commands that a reader has before CineSync.
var everywhere = []string{"git", "cd", "ls", "cat", "cp", "curl", "tar", "mkdir"}

// command checks one line of a sh block.
func command(fsys fs.FS, place, line string) []string {
	line, _, _ = strings.Cut(line, "#")
	words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "$ "))
	for len(words) > 0 && strings.Contains(words[0], "=") {
		words = words[1:]
	}
	if len(words) == 0 {
		return nil
	}
	rest := words[1:]
	switch {
	case words[0] == "make":
		return targets(fsys, place, rest)
	case words[0] == "go" && len(rest) > 1 && slices.Contains([]string{"run", "build", "test", "vet"}, rest[0]):
		return goCommand(fsys, place, rest)
	case strings.HasPrefix(words[0], "bin/"):
		return program(fsys, place, "cmd/"+strings.TrimPrefix(words[0], "bin/"), rest)
	case words[0] == "go" || slices.Contains(everywhere, words[0]):
		return nil
	}
	return []string{fmt.Sprintf("%s: %s is no command of this project", place, words[0])}
}

func targets(fsys fs.FS, place string, words []string) []string {
	makefile, err := fs.ReadFile(fsys, "Makefile")
	if err != nil {
		return []string{fmt.Sprintf("%s: %v", place, err)}
	}
	known := Targets(string(makefile))
	var problems []string
	for _, w := range words {
		if _, ok := known[w]; !ok && !strings.Contains(w, "=") {
			problems = append(problems, fmt.Sprintf("%s: make has no target %s", place, w))
		}
	}
	return problems
}

var target = regexp.MustCompile(`(?m)^([a-z][a-z-]*):[^=\n]*?(?:## (.*))?$`)

// Targets returns the targets of a Makefile, each with the text of its ## comment, "" if it has none.
func Targets(makefile string) map[string]string {
	found := map[string]string{}
	for _, m := range target.FindAllStringSubmatch(makefile, -1) {
		found[m[1]] = m[2]
	}
	return found
}

// goCommand checks the packages that a go command names, and for go run the subcommand.
func goCommand(fsys fs.FS, place string, words []string) []string {
	for i, w := range words[1:] {
		folder, ok := strings.CutPrefix(w, "./")
		if !ok {
			continue
		}
		if words[0] == "run" {
			return program(fsys, place, folder, words[i+2:])
		}
		folder = strings.TrimSuffix(strings.TrimSuffix(folder, "..."), "/")
		if folder != "" && !exists(fsys, folder) {
			return []string{fmt.Sprintf("%s: no package %s", place, folder)}
		}
	}
	return nil
}

// program checks that a program exists and knows the subcommand it is called with.
func program(fsys fs.FS, place, folder string, arguments []string) []string {
	sources, err := fs.Glob(fsys, path.Join(folder, "*.go"))
	if err != nil || len(sources) == 0 {
		return []string{fmt.Sprintf("%s: no program %s", place, folder)}
	}
	if len(arguments) == 0 || !plain.MatchString(arguments[0]) {
		return nil
	}
	for _, s := range sources {
		if text, err := fs.ReadFile(fsys, s); err == nil && regexp.MustCompile(`Use:\s*"`+arguments[0]+`\b`).Match(text) {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: %s has no command %s", place, folder, arguments[0])}
}

var (
	plain = regexp.MustCompile(`^[a-z][a-z-]*$`)
	link  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

func links(fsys fs.FS, name, place, line string) []string {
	var problems []string
	for _, m := range link.FindAllStringSubmatch(line, -1) {
		to, _, _ := strings.Cut(m[1], "#")
		if to == "" || strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
			continue
		}
		if !exists(fsys, path.Join(path.Dir(name), to)) {
			problems = append(problems, fmt.Sprintf("%s: the link to %s leads nowhere", place, m[1]))
		}
	}
	return problems
}

func exists(fsys fs.FS, name string) bool {
	_, err := fs.Stat(fsys, path.Clean(name))
	return err == nil
}

// parses accepts a file, declarations or statements.
func parses(text string) bool {
	for _, form := range []string{"%s", "package p\n%s", "package p\nfunc _() {\n%s\n}"} {
		if _, err := parser.ParseFile(token.NewFileSet(), "", fmt.Sprintf(form, text), 0); err == nil {
			return true
		}
	}
	return false
}
