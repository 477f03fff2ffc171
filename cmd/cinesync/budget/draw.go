package budget

import (
	"fmt"
	"image/color"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/cinesync/cinesync/privacy"
)

// Formats are the kinds of picture that Draw makes, by file ending.
func Formats() []string { return []string{"svg", "png", "pdf"} }

// Draw writes a picture of ε against the rounds that a device takes part in, a curve for each of five noise multipliers around the
// plan's, and the plan itself as a point.
func (p Plan) Draw(w io.Writer, format string) error {
	pic := plot.New()
	pic.Title.Text = fmt.Sprintf("ε of one device at δ = %.2g, %d coordinates", p.Delta, p.Dim)
	pic.X.Label.Text = "rounds that the device takes part in"
	pic.Y.Label.Text = "ε"
	pic.X.Min, pic.Y.Min = 0, 0
	pic.Legend.Top, pic.Legend.Left = true, true
	pic.Add(plotter.NewGrid())
	for i, factor := range []float64{0.5, math.Sqrt(0.5), 1, math.Sqrt2, 2} {
		points, err := p.curve(factor * p.Noise)
		if err != nil {
			return fmt.Errorf("draw ε: %w", err)
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return fmt.Errorf("draw ε: %w", err)
		}
		line.Color, line.Width = hue(i), vg.Points(1.5)
		if factor == 1 {
			line.Width = vg.Points(3)
		}
		pic.Add(line)
		pic.Legend.Add(fmt.Sprintf("z = %.3g", factor*p.Noise), line)
	}
	if err := p.mark(pic); err != nil {
		return err
	}
	canvas, err := pic.WriterTo(8*vg.Inch, 5*vg.Inch, format)
	if err != nil {
		return fmt.Errorf("draw ε: %w", err)
	}
	if _, err := canvas.WriteTo(w); err != nil {
		return fmt.Errorf("write picture: %w", err)
	}
	return nil
}

func (p Plan) mark(pic *plot.Plot) error {
	here, err := plotter.NewScatter(plotter.XYs{{X: float64(p.Participations), Y: p.Epsilon}})
	if err != nil {
		return fmt.Errorf("draw the plan: %w", err)
	}
	here.Radius = vg.Points(5)
	pic.Add(here)
	pic.Legend.Add(fmt.Sprintf("the plan: ε = %.3g", p.Epsilon), here)
	return nil
}

// curve is ε after each of so many rounds at one noise, by the conversion that the ledgers use.
func (p Plan) curve(z float64) (plotter.XYs, error) {
	last := max(10, 2*p.Participations)
	step := max(1, last/200)
	var out plotter.XYs
	for rounds := 0; rounds <= last; rounds += step {
		eps, _, err := privacy.Epsilon(float64(rounds)/(2*z*z), p.Delta)
		if err != nil {
			return nil, err
		}
		out = append(out, plotter.XY{X: float64(rounds), Y: eps})
	}
	return out, nil
}

// hue tells five curves apart, for the colour-blind too (Okabe, Ito 2008).
func hue(i int) color.Color {
	return []color.RGBA{{213, 94, 0, 255}, {230, 159, 0, 255}, {0, 114, 178, 255}, {0, 158, 115, 255}, {86, 180, 233, 255}}[i]
}
