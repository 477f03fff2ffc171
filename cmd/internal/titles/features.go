package titles

import (
	"strconv"

	"github.com/cinesync/cinesync/model/content"
	"github.com/cinesync/cinesync/serve/catalog"
)

// Features gives one row a title for model.New, from everything that is known of the titles. Where that is genres and years alone,
// these are what is left of it.
func Features(list []catalog.Title) ([][]float32, error) {
	return content.Features(len(list), Fields(list))
}

// Fields are the kinds of facts with what they count. Weights and components were chosen on ML-1M by the start alone, each
// person's last training item held out (docs/decisions/0039-content-start-and-popularity-first.md): genres and the year lead, and
// what else is known refines them.
func Fields(list []catalog.Title) []content.Field {
	fields := []struct {
		content.Field
		facts func(catalog.Title) []content.Token
	}{
		{content.Field{Name: "genres", Weight: 0.6}, genres},
		{content.Field{Name: "years", Weight: 0.5, Plain: true}, era(2)},
		{content.Field{Name: "decades", Weight: 0.3, Plain: true}, era(10)},
		{content.Field{Name: "kind", Weight: 0.3, Plain: true}, kind},
		{content.Field{Name: "people", Weight: 0.4, Least: 2, Components: 128}, people},
		{content.Field{Name: "plot", Weight: 0.2, Least: 3, Most: 0.1, Components: 64}, plot},
		{content.Field{Name: "keywords", Weight: 0.2, Least: 2, Most: 0.2, Components: 64}, keywords},
	}
	out := make([]content.Field, len(fields))
	for i, f := range fields {
		f.Titles = make([][]content.Token, len(list))
		for t, title := range list {
			f.Titles[t] = f.facts(title)
		}
		out[i] = f.Field
	}
	return out
}

func genres(t catalog.Title) []content.Token { return tokens(t.Genres, 1) }

// era tells a year by marks so many years apart, and shares it between the two nearest.
func era(apart int) func(catalog.Title) []content.Token {
	return func(t catalog.Title) []content.Token {
		if t.Year == 0 {
			return nil
		}
		mark, past := t.Year/apart, float64(t.Year%apart)/float64(apart)
		out := []content.Token{{Text: strconv.Itoa(mark), Weight: 1 - past}}
		if past > 0 {
			out = append(out, content.Token{Text: strconv.Itoa(mark + 1), Weight: past})
		}
		return out
	}
}

func kind(t catalog.Title) []content.Token {
	return []content.Token{{Text: t.Kind.String(), Weight: 1}}
}

// people counts a director as two: of all people of a film, its director says most about who likes it. What a person did is not
// told apart beyond that, so that an actor who directs is one person.
func people(t catalog.Title) []content.Token {
	out := tokens(t.Directors, 2)
	out = append(out, tokens(t.Writers, 1)...)
	return append(out, tokens(t.Cast, 1)...)
}

func plot(t catalog.Title) []content.Token { return tokens(content.Words(t.Plot), 1) }

func keywords(t catalog.Title) []content.Token { return tokens(t.Keywords, 1) }

func tokens(list []string, weight float64) []content.Token {
	out := make([]content.Token, len(list))
	for i, s := range list {
		out[i] = content.Token{Text: s, Weight: weight}
	}
	return out
}
