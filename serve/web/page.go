package web

import (
	_ "embed" // the page and its style
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/cinesync/cinesync/serve"
	"github.com/cinesync/cinesync/serve/catalog"
)

//go:embed page.html
var pageHTML string

//go:embed style.css
var styleCSS []byte

// pageTemplate is read once; html/template escapes every value for its place.
var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"up": up}).Parse(pageHTML))

// up writes ε to the next hundredth above: a bound that was rounded down is none.
func up(epsilon float64) string {
	return strconv.FormatFloat(math.Ceil(epsilon*100)/100, 'f', -1, 64)
}

// Sizes of the page.
const (
	pageFound = 12 // titles a search shows
	pageList  = 12 // titles recommended
	pageSeeds = 50 // titles somebody may choose
)

// view is all that the page shows.
type view struct {
	Loaded  bool
	Release serve.Release
	Hash    string
	Titles  int
	Privacy *Figure
	Why     string // there is no figure
	Query   string
	Kind    string          // film, series, or both: ""
	Found   []catalog.Title // not chosen yet
	Nothing bool            // searched, and nothing was found
	Seeds   []catalog.Title
	Slate   []serve.Entry
	Note    string // what went wrong
}

// page answers GET / with an empty form and POST / with its next state. All state is in the form: what is chosen stands in no
// address, no cookie and no log, and is forgotten with the answer.
func (h *Handler) page(w http.ResponseWriter, r *http.Request) {
	v := view{Titles: h.cfg.Service.Catalogue().Len()}
	status := http.StatusOK
	if r.Method == http.MethodPost {
		if err := r.ParseForm(); err != nil {
			v.Note, status = "The form could not be read. Please start again.", http.StatusBadRequest
		} else {
			h.fill(&v, r.PostForm)
		}
	}
	v.Release, v.Loaded = h.cfg.Service.Release()
	if len(v.Seeds) > 0 && v.Loaded {
		h.recommendOn(&v)
	}
	if v.Loaded {
		v.Privacy, v.Why = h.figure(v.Release)
	}
	v.Hash = fmt.Sprintf("%x", v.Release.Model[:4])
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	var out strings.Builder
	if err := pageTemplate.Execute(&out, v); err != nil {
		panic("broken invariant: page: " + err.Error())
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(out.String()))
}

// fill reads the form: the search, the titles chosen so far, and the button that was pressed.
func (h *Handler) fill(v *view, form map[string][]string) {
	first := func(name string) string {
		if len(form[name]) == 0 {
			return ""
		}
		return form[name][0]
	}
	ids := append([]string{}, form["seed"]...)
	if add := first("add"); add != "" {
		ids = append(ids, add)
	}
	for _, id := range ids[:min(len(ids), pageSeeds)] {
		t, err := h.cfg.Service.Catalogue().Get(id)
		if err == nil && id != first("remove") && !slices.ContainsFunc(v.Seeds, func(s catalog.Title) bool { return s.ID == id }) {
			v.Seeds = append(v.Seeds, t)
		}
	}
	if k, err := catalog.ParseKind(first("kind")); err == nil {
		v.Kind = k.String()
	}
	v.Query = first("q")
	if strings.TrimSpace(v.Query) == "" {
		return
	}
	found := h.cfg.Service.Catalogue().Search(v.Query, pageFound+len(v.Seeds))
	v.Nothing = len(found) == 0
	for _, t := range found {
		if len(v.Found) < pageFound && !slices.ContainsFunc(v.Seeds, func(s catalog.Title) bool { return s.ID == t.ID }) {
			v.Found = append(v.Found, t)
		}
	}
}

func (h *Handler) recommendOn(v *view) {
	q := serve.Query{N: pageList}
	q.Kind, _ = catalog.ParseKind(v.Kind) // 0 for both
	for _, t := range v.Seeds {
		q.Seeds = append(q.Seeds, t.ID)
	}
	found, err := h.cfg.Service.Recommend(q)
	var bad *serve.BadQuery
	switch {
	case errors.As(err, &bad):
		v.Note = "The model in service does not know every title you chose. Remove the newest and try again."
	case err != nil:
		v.Note = "No list could be made."
	default:
		v.Release, v.Slate = found.Release, found.Items // the version that answered
	}
}

func (h *Handler) style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=3600")
	_, _ = w.Write(styleCSS)
}
