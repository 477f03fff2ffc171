package aggregation

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestSecretsDoNotPrint tries every verb, JSON and both handlers of slog, with values, pointers and what contains them.
func TestSecretsDoNotPrint(t *testing.T) {
	s := newSecrets(t, "canary")
	share, term := Share(s.m), Term{Key: s.m}
	for name, v := range map[string]any{
		"secrets": *s, "pointer to secrets": s, "share": share, "pointer to share": &share, "term": term, "pointer to term": &term,
		"masker": *NewMasker(plain, []Term{term}), "pointer to masker": NewMasker(plain, []Term{term}),
		"shares": []Share{share}, "terms": []Term{term}, "map": map[string]Share{"x": share}, "struct": struct{ S Share }{share},
	} {
		var text strings.Builder
		// Not %p and %T, which print an address or a type, nor %w, which asks no Formatter: vet refuses it for what is no error.
		for _, verb := range "vsxXqdbcoOUeEfFgGt" {
			for _, flag := range []string{"", "+", "#", " ", "0", "5."} {
				fmt.Fprintf(&text, "%"+flag+string(verb)+"\n", v)
			}
		}
		fmt.Fprintln(&text, v)
		j, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(j)
		for _, h := range []slog.Handler{slog.NewTextHandler(&text, nil), slog.NewJSONHandler(&text, nil)} {
			slog.New(h).Info("canary", "v", v)
		}
		if forms := shown(text.String(), s.m[:]); len(forms) > 0 {
			t.Errorf("%s prints its bytes, as %q", name, forms)
		}
		if !strings.Contains(text.String(), secretWord) {
			t.Errorf("%s prints without the word %s", name, secretWord)
		}
	}
}

// shown looks for a secret as hex, as a list of numbers, quoted, and as it is.
func shown(text string, secret []byte) (forms []string) {
	part := secret[:4]
	for _, form := range []string{hex.EncodeToString(part), fmt.Sprint(part), strings.ReplaceAll(fmt.Sprint(part), " ", ","),
		fmt.Sprintf("% x", part), fmt.Sprintf("%q", part), string(part)} {
		if form = strings.Trim(form, `[]"`); strings.Contains(text, form) || strings.Contains(strings.ToLower(text), strings.ToLower(form)) {
			forms = append(forms, form)
		}
	}
	return forms
}

// TestCanaryWouldBeFound shows that the search above can find what it looks for.
func TestCanaryWouldBeFound(t *testing.T) {
	secret := newSecrets(t, "canary").m[:16]
	list, err := json.Marshal(struct{ V [16]byte }{[16]byte(secret)})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprint(secret), fmt.Sprintf("% x", secret), string(secret),
		fmt.Sprintf("%q", secret), string(list)} {
		if len(shown(text, secret)) == 0 {
			t.Errorf("not found in %q", text)
		}
	}
}
