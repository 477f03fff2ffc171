package train

import (
	"fmt"
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/cinesync/cinesync/model/evaluate"
)

// Formats are the kinds of picture that Draw makes, by file ending.
func Formats() []string { return []string{"svg", "png", "pdf"} }

// Draw writes a picture of the report's curve: hit rates with their spread over seeds, popularity and the run without noise as lines.
func (r *Report) Draw(w io.Writer, format string) error {
	if len(r.Points) == 0 {
		return fmt.Errorf("draw accuracy: there is no curve; ask for one with --curve")
	}
	pic := plot.New()
	pic.Title.Text = fmt.Sprintf("%s on %s, %d people train", r.Task, r.Set, r.People)
	pic.X.Label.Text, pic.Y.Label.Text = label(r.Against), "hit rate@10, mean over seeds"
	pic.Y.Min, pic.Y.Max = 0, 1
	pic.Legend.Top, pic.Legend.Left = true, true
	pic.Add(plotter.NewGrid())
	for i, l := range []struct {
		name string
		of   func(Spread) evaluate.Spread
		pop  float64
		top  *evaluate.Spread
	}{
		{"99 uniform negatives", func(s Spread) evaluate.Spread { return s.HR10 }, r.Popularity.HR10, r.quiet(func(s *Spread) *evaluate.Spread { return &s.HR10 })},
		{"whole catalogue", func(s Spread) evaluate.Spread { return s.FullHR10 }, r.Popularity.FullHR10, r.quiet(func(s *Spread) *evaluate.Spread { return &s.FullHR10 })},
	} {
		points := spots{}
		for _, p := range r.Points {
			s := l.of(p.Spread)
			points.XYs = append(points.XYs, plotter.XY{X: p.x(r.Against), Y: s.Mean})
			points.YErrors = append(points.YErrors, struct{ Low, High float64 }{s.SD, s.SD})
		}
		if err := r.line(pic, l.name, points, i, l.pop, l.top); err != nil {
			return fmt.Errorf("draw accuracy: %w", err)
		}
	}
	canvas, err := pic.WriterTo(8*vg.Inch, 5*vg.Inch, format)
	if err != nil {
		return fmt.Errorf("draw accuracy: %w", err)
	}
	if _, err := canvas.WriteTo(w); err != nil {
		return fmt.Errorf("write picture: %w", err)
	}
	return nil
}

// spots are points with their spread.
type spots struct {
	plotter.XYs
	plotter.YErrors
}

func (r *Report) quiet(of func(*Spread) *evaluate.Spread) *evaluate.Spread {
	if r.Quiet == nil {
		return nil
	}
	return of(r.Quiet)
}

// line draws one protocol: its points, popularity, and the run without noise.
func (r *Report) line(pic *plot.Plot, name string, points spots, i int, popularity float64, quiet *evaluate.Spread) error {
	line, dots, err := plotter.NewLinePoints(points.XYs)
	if err != nil {
		return err
	}
	line.Color, line.Width, dots.Color = hue(i), vg.Points(2), hue(i)
	bars, err := plotter.NewYErrorBars(points)
	if err != nil {
		return err
	}
	bars.Color = hue(i)
	pic.Add(line, dots, bars)
	pic.Legend.Add(name, line)
	level := func(y float64, dashes []vg.Length, what string) {
		f := plotter.NewFunction(func(float64) float64 { return y })
		f.Color, f.Dashes = hue(i), dashes
		pic.Add(f)
		pic.Legend.Add(name+": "+what, f)
	}
	level(popularity, []vg.Length{vg.Points(1), vg.Points(3)}, "popularity")
	if quiet != nil {
		level(quiet.Mean, []vg.Length{vg.Points(6), vg.Points(3)}, "no noise")
	}
	return nil
}

func (p Point) x(against string) float64 {
	switch {
	case against == AgainstBytes:
		return float64(p.Bytes) / 1e6
	case against == AgainstEpsilon && p.Epsilon != nil:
		return *p.Epsilon
	}
	return float64(p.Rounds)
}

func label(against string) string {
	switch against {
	case AgainstBytes:
		return "megabytes of one person, on average"
	case AgainstEpsilon:
		return "ε, without amplification by sampling"
	}
	return "rounds"
}

// hue tells curves apart, for the colour-blind too (Okabe, Ito 2008).
func hue(i int) color.Color {
	return []color.RGBA{{0, 114, 178, 255}, {213, 94, 0, 255}}[i%2]
}
