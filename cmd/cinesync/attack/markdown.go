package attack

import (
	"bytes"
	"embed"
	"fmt"
	"strings"
	"text/template"
)

//go:embed report.md.tmpl
var pages embed.FS

// Markdown is the report as a page. picture is the name of the file with its plot, beside the page; command is how it was made.
func (r *Report) Markdown(picture, command string) ([]byte, error) {
	page, err := template.New("report.md.tmpl").Funcs(template.FuncMap{"table": markdownTable}).ParseFS(pages, "report.md.tmpl")
	if err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	verdict := "Every claim stands, and both faults were found."
	if err := r.Verdict(); err != nil {
		verdict = "**This audit does not pass:** " + strings.ReplaceAll(err.Error(), "\n", "; ") + "."
	}
	var b bytes.Buffer
	err = page.Execute(&b, struct {
		*Report
		Picture, Command, Verdict string
		Whole, Tenth, None        *CanaryRun
		Model, Bare               *PeopleRun
		Canary, Membership        [][]string
	}{r, picture, command, verdict, r.Canaries[0], r.Canaries[1], r.Canaries[2], r.People[0], r.People[2], r.canaryTable(), r.peopleTable()})
	if err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	return b.Bytes(), nil
}

func markdownTable(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintln(&b, "|"+strings.Repeat("---|", len(row)))
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}
