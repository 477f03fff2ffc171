package evaluate

import (
	"fmt"
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	judging "github.com/cinesync/cinesync/model/evaluate"
)

// Formats are the kinds of picture that Draw makes, by file ending.
func Formats() []string { return []string{"svg", "png", "pdf"} }

// Draw writes a picture of NDCG@10 of every model under the three protocols, with intervals over users, or
// nothing where Check refuses.
func (r *Report) Draw(w io.Writer, format string) error {
	if err := r.Check(); err != nil {
		return err
	}
	pic := plot.New()
	pic.Title.Text = fmt.Sprintf("NDCG@10 on %d held-out titles", r.Judged)
	pic.Y.Label.Text, pic.Y.Min = "NDCG@10, 95 % over users", 0
	pic.Legend.Top, pic.Legend.Left = true, true
	rows := r.rows()
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = row.title()
	}
	pic.NominalX(names...)
	pic.Add(plotter.NewGrid())
	for i, p := range []struct {
		name string
		of   func(*judging.Result) judging.Estimate
	}{
		{"uniform negatives", func(m *judging.Result) judging.Estimate { return m.Uniform.NDCG10 }},
		{"negatives by popularity", func(m *judging.Result) judging.Estimate { return m.Matched.NDCG10 }},
		{"whole catalogue", func(m *judging.Result) judging.Estimate { return m.Full.NDCG10 }},
	} {
		if err := protocol(pic, rows, p.name, p.of, i); err != nil {
			return fmt.Errorf("draw %s: %w", p.name, err)
		}
	}
	canvas, err := pic.WriterTo(9*vg.Inch, 5*vg.Inch, format)
	if err != nil {
		return fmt.Errorf("draw figures: %w", err)
	}
	if _, err := canvas.WriteTo(w); err != nil {
		return fmt.Errorf("write picture: %w", err)
	}
	return nil
}

// spans are points with their intervals.
type spans struct {
	plotter.XYs
	plotter.YErrors
}

// protocol adds one protocol's points and intervals, a little beside those of the others.
func protocol(pic *plot.Plot, rows []Row, name string, of func(*judging.Result) judging.Estimate, i int) error {
	at := spans{make(plotter.XYs, len(rows)), make(plotter.YErrors, len(rows))}
	for k, row := range rows {
		e := of(row.Result)
		at.XYs[k] = plotter.XY{X: float64(k) + 0.15*float64(i-1), Y: e.Mean}
		at.YErrors[k].Low, at.YErrors[k].High = e.Mean-e.Low, e.High-e.Mean
	}
	points, err := plotter.NewScatter(at.XYs)
	if err != nil {
		return err
	}
	points.Color, points.Radius = hue(i), vg.Points(4)
	whiskers, err := plotter.NewYErrorBars(at)
	if err != nil {
		return err
	}
	whiskers.Color = hue(i)
	pic.Add(points, whiskers)
	pic.Legend.Add(name, points)
	return nil
}

// hue tells three protocols apart, for the colour-blind too (Okabe, Ito 2008).
func hue(i int) color.Color {
	return []color.RGBA{{0, 114, 178, 255}, {230, 159, 0, 255}, {0, 158, 115, 255}}[i]
}
