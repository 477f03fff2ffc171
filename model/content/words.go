package content

import (
	"strings"
	"unicode"
)

// longestWord is the most runes that a word may have; longer runs of letters are no words.
const longestWord = 40

// Words cuts a text into lower-case words of two to forty letters or digits. An apostrophe inside a word is passed over, so
// that "doesn't" stays one word; everything else between letters parts them.
func Words(text string) []string {
	var out []string
	var b strings.Builder
	n := 0
	flush := func() {
		if n >= 2 && n <= longestWord {
			out = append(out, b.String())
		}
		b.Reset()
		n = 0
	}
	for _, r := range text {
		switch {
		case r == '\'' || r == '’':
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			if n++; n <= longestWord {
				b.WriteRune(unicode.ToLower(r))
			}
		default:
			flush()
		}
	}
	flush()
	return out
}
