package imports

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// titles reads how data sets write titles. It is not safe for concurrent use.
type titles struct {
	fold                            cases.Caser
	year, bracket, alsoKnown, trail *regexp.Regexp
}

func newTitles() *titles {
	return &titles{
		fold:      cases.Fold(),
		year:      regexp.MustCompile(`\s*\(\s*(\d{4})(?:\s*[-–]\s*\d{0,4})?\s*\)\s*$`),
		bracket:   regexp.MustCompile(`\s*\(([^()]*)\)`),
		alsoKnown: regexp.MustCompile(`(?i)^a\.?k\.?a\.?\s+`),
		trail:     regexp.MustCompile(`(?i)^(.*\S)\s*,\s*(The|A|An|La|Le|Les|L'|Il|Lo|I|Gli|Der|Die|Das|El|Los|Las|Det|Den|Un|Une)$`),
	}
}

// name is a title taken apart.
type name struct {
	title string   // for showing: without year and alternatives, article in front
	year  int      // 0 unknown
	all   []string // every way to call it: the title, the alternatives, and the whole with its brackets
}

// parse reads "Postman, The (Postino, Il) (1994)". Brackets that open the title belong to it, as in "(500) Days of Summer".
func (t *titles) parse(raw string) name {
	s := strings.TrimSpace(raw)
	var n name
	if m := t.year.FindStringSubmatchIndex(s); m != nil && m[0] > 0 {
		if y, err := strconv.Atoi(s[m[2]:m[3]]); err == nil && y >= 1850 {
			n.year, s = y, strings.TrimSpace(s[:m[0]])
		}
	}
	main := s
	var others []string
	for _, m := range slices.Backward(t.bracket.FindAllStringSubmatchIndex(s, -1)) {
		if m[0] == 0 {
			continue
		}
		others = append(others, t.front(t.alsoKnown.ReplaceAllString(strings.TrimSpace(s[m[2]:m[3]]), "")))
		main = main[:m[0]] + main[m[1]:]
	}
	n.title = t.front(strings.TrimSpace(main))
	slices.Reverse(others)
	for _, a := range append(append([]string{n.title}, others...), t.front(s)) {
		if a != "" && !slices.Contains(n.all, a) {
			n.all = append(n.all, a)
		}
	}
	return n
}

// front moves a trailing article to the front.
func (t *titles) front(s string) string {
	m := t.trail.FindStringSubmatch(s)
	if m == nil {
		return s
	}
	if strings.HasSuffix(m[2], "'") {
		return m[2] + m[1]
	}
	return m[2] + " " + m[1]
}

// key is what titles are compared by (design: imports 3, title key). Titles without a letter or digit have the key "".
func (t *titles) key(s string) string {
	s = t.folded(norm.NFKC.String(strings.ToValidUTF8(s, "\ufffd"))) // a broken byte would hide the accent behind it
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.M, r) {
			return -1
		}
		return r
	}, norm.NFD.String(s))
	s = strings.TrimSpace(norm.NFC.String(s))
	for _, article := range []string{"the", "a", "an"} {
		if head, ok := strings.CutSuffix(s, ", "+article); ok {
			s = article + " " + head
			break
		}
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune("'\u2018\u2019\u02bc", r):
			return -1
		case r == '&' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return r
		}
		return ' '
	}, s)
	words := strings.Fields(strings.ReplaceAll(s, "&", " and "))
	if len(words) > 1 && (words[0] == "the" || words[0] == "a" || words[0] == "an") {
		words = words[1:]
	}
	return strings.Join(words, " ")
}

// folded folds letter by letter. The library swaps the two cases of Cherokee letters instead of folding them; the lesser of
// the two stands for both.
func (t *titles) folded(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		if r < utf8.RuneSelf {
			b.WriteRune(unicode.ToLower(r))
		} else {
			once := t.fold.String(string(r))
			if twice := t.fold.String(once); twice != once {
				once = min(once, twice)
			}
			b.WriteString(once)
		}
	}
	return b.String()
}
