package imports

import (
	"html"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// text decodes a field: UTF-8, else Windows-1252, which covers Latin-1. It is decided field by field, so that one bad byte,
// or a file that was cut inside a letter, spoils only its own field.
func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	out, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return string(out)
}

// markup are the parts of a text that mean a line break, and all other tags.
type markup struct{ breaks, tags *regexp.Regexp }

func newMarkup() markup {
	return markup{regexp.MustCompile(`(?i)<br\s*/?>|</p>\s*<p[^>]*>`), regexp.MustCompile(`</?[A-Za-z][^<>]*>`)}
}

// clean makes plain text of what a person wrote: no tags, entities decoded, line ends trimmed.
func (m markup) clean(s string) string {
	if strings.ContainsAny(s, "<&") {
		s = m.breaks.ReplaceAllString(s, "\n")
		s = html.UnescapeString(m.tags.ReplaceAllString(s, ""))
	}
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " \t\r")
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
