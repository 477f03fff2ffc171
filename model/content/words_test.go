package content

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestWords(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                   nil,
		"A boy named Andy":                   {"boy", "named", "andy"},
		"It doesn't, he can’t -- U.S.A.":     {"it", "doesnt", "he", "cant"},
		"Amélie\tÉTÉ 1999 x 7":               {"amélie", "été", "1999"},
		"日本 映画":                              {"日本", "映画"},
		strings.Repeat("a", 40):              {strings.Repeat("a", 40)},
		"be " + strings.Repeat("a", 41) + "": {"be"},
		"\xff\xfeab\xffcd":                   {"ab", "cd"},
	} {
		if diff := cmp.Diff(want, Words(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add("The Matrix: he’s the one!")
	f.Add("\xc3\x28 ŠŠ ß")
	f.Fuzz(func(t *testing.T, text string) {
		list := Words(text)
		for _, w := range list {
			if n := utf8.RuneCountInString(w); n < 2 || n > longestWord || !utf8.ValidString(w) {
				t.Errorf("%q is no word", w)
			}
		}
		if diff := cmp.Diff(list, Words(strings.Join(list, " "))); diff != "" {
			t.Errorf("words are cut again:\n%s", diff)
		}
	})
}
