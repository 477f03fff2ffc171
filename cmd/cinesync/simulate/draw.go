package simulate

import (
	"fmt"
	"image/color"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Formats are the kinds of picture that studies are drawn as, by file ending.
func Formats() []string { return []string{"svg", "png", "pdf"} }

// series is a line of a panel; dashes for what is only compared with. A name has one entry in the legend, in grey where
// lines share it; without a name there is none.
type series struct {
	name   string
	points plotter.XYs
	hue    int
	dashes []vg.Length
	shared bool
}

// panel is one of a picture's four, over the rounds.
type panel struct {
	title, y string
	lines    []series
	empty    string // what to say where there is nothing to draw
}

// Sizes of a picture.
const (
	wide, high = 11 * vg.Inch, 7.6 * vg.Inch
	border     = 14
)

// picture draws four panels under a title.
func picture(w io.Writer, format, title string, panels [4]panel) error {
	canvas, err := draw.NewFormattedCanvas(wide, high, format)
	if err != nil {
		return fmt.Errorf("draw the study: %w", err)
	}
	all := draw.New(canvas)
	all.SetColor(color.White) // so that it reads on a dark page too
	all.Fill(all.Rectangle.Path())
	style := text.Style{Font: font.From(plot.DefaultFont, 14), Handler: plot.DefaultTextHandler, Color: color.Black, XAlign: draw.XCenter, YAlign: draw.YTop}
	all.FillText(style, vg.Point{X: all.Center().X, Y: all.Max.Y - vg.Points(8)}, title)
	var rows [][]*plot.Plot
	for i := range 2 {
		var row []*plot.Plot
		for _, p := range panels[2*i : 2*i+2] {
			drawn, err := p.plot()
			if err != nil {
				return fmt.Errorf("draw the study: %s: %w", p.title, err)
			}
			row = append(row, drawn)
		}
		rows = append(rows, row)
	}
	area := draw.Crop(all, vg.Points(border), -vg.Points(border), vg.Points(border), -vg.Points(34))
	tiles := draw.Tiles{Rows: 2, Cols: 2, PadX: vg.Points(24), PadY: vg.Points(18)}
	for i, row := range plot.Align(rows, tiles, area) {
		for j, cell := range row {
			rows[i][j].Draw(cell)
		}
	}
	if _, err := canvas.WriteTo(w); err != nil {
		return fmt.Errorf("write picture: %w", err)
	}
	return nil
}

// plot makes one panel.
func (p panel) plot() (*plot.Plot, error) {
	out := plot.New()
	out.Title.Text, out.X.Label.Text, out.Y.Label.Text = p.title, "rounds", p.y
	out.X.Tick.Marker, out.Y.Tick.Marker, out.Legend.Top = ticks{1}, ticks{}, true
	out.Legend.Left = true // names begin after their lines, so that another font's widths do no harm
	out.Title.Padding, out.Legend.Padding = vg.Points(4), vg.Points(2)
	out.Add(plotter.NewGrid())
	most, entries, named := 0.0, 0, map[string]bool{}
	for _, l := range p.lines {
		if len(l.points) == 0 {
			continue
		}
		line, dots, err := plotter.NewLinePoints(l.points)
		if err != nil {
			return nil, err
		}
		line.Color, line.Width, dots.Color, dots.Shape, dots.Radius = hue(l.hue), vg.Points(1.8), hue(l.hue), draw.CircleGlyph{}, vg.Points(2)
		line.Dashes = l.dashes
		out.Add(line)
		if l.dashes == nil && len(l.points) <= 40 {
			out.Add(dots)
		}
		if l.name != "" && !named[l.name] {
			p.name(out, l, *line)
			entries++
		}
		named[l.name] = true
		for _, at := range l.points {
			most = math.Max(most, at.Y)
		}
	}
	if most == 0 {
		out.Title.Text = p.title + ": " + p.empty
		most = 1
	}
	const entry, air = 0.072, 0.04 // of the height: the legend lies above the lines
	out.Y.Min, out.Y.Max = math.Min(0, out.Y.Min), most/(1-air-entry*float64(entries))
	if out.X.Min >= out.X.Max || math.IsInf(out.X.Min, 0) {
		out.X.Min, out.X.Max = 0, 2
	}
	return out, nil
}

// name puts a line into the legend.
func (p panel) name(out *plot.Plot, l series, line plotter.Line) {
	if l.shared {
		line.Color = hue(grey)
	}
	out.Legend.Add(l.name, &line)
}

// dashed and dotted lines.
func dashed() []vg.Length { return []vg.Length{vg.Points(6), vg.Points(3)} }
func dotted() []vg.Length { return []vg.Length{vg.Points(1.5), vg.Points(2.5)} }

// ticks are at most six round numbers or so, none closer than least.
type ticks struct{ least float64 }

// Ticks implements plot.Ticker.
func (t ticks) Ticks(from, to float64) []plot.Tick {
	const most = 6
	power := math.Pow(10, math.Floor(math.Log10((to-from)/most)))
	step := power
	for _, f := range []float64{1, 2, 2.5, 5, 10} {
		if step = f * power; (to-from)/step <= most && step >= t.least && (t.least == 0 || step == math.Trunc(step)) {
			break
		}
	}
	step = max(step, t.least)
	var out []plot.Tick
	for v := math.Ceil(from/step) * step; v <= to+step*1e-9; v += step {
		out = append(out, plot.Tick{Value: v, Label: fmt.Sprintf("%.6g", v)})
	}
	return out
}

// grey is the hue of what is no colour's.
const grey = 4

// hue tells lines apart, for the colour-blind too (Okabe, Ito 2008).
func hue(i int) color.Color {
	return []color.RGBA{{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255}, {90, 90, 90, 255}}[i%5]
}

// Draw writes a picture of the rounds: devices, bytes, simulated time, ε.
func (s *ProtocolSummary) Draw(w io.Writer, format string) error {
	over := func(of func(*ProtocolRound) float64) plotter.XYs {
		var out plotter.XYs
		for _, r := range s.lines {
			out = append(out, plotter.XY{X: float64(r.Round), Y: of(r)})
		}
		return out
	}
	devices := panel{title: "Devices", y: "devices", lines: []series{
		{name: "on the roster", points: over(func(r *ProtocolRound) float64 { return float64(r.Members) }), hue: grey, dashes: dashed()},
		{name: "in the sum", points: over(func(r *ProtocolRound) float64 { return included(r) }), hue: 0},
		{name: "vanished", points: over(func(r *ProtocolRound) float64 { return float64(sum(r.Lost)) }), hue: 1}}}
	bytes := panel{title: "Bytes of a device in a round", y: "KB (frames)", lines: []series{
		{name: "up, mean", points: over(func(r *ProtocolRound) float64 { return float64(r.Up.Mean) / 1e3 }), hue: 0},
		{name: "up, most", points: over(func(r *ProtocolRound) float64 { return float64(r.Up.Most) / 1e3 }), hue: 0, dashes: dashed()},
		{name: "down, mean", points: over(func(r *ProtocolRound) float64 { return float64(r.Down.Mean) / 1e3 }), hue: 1},
		{name: "down, most", points: over(func(r *ProtocolRound) float64 { return float64(r.Down.Most) / 1e3 }), hue: 1, dashes: dashed()}}}
	time := panel{title: "Simulated time of a round", y: "seconds", lines: []series{
		{name: "all phases", points: over(func(r *ProtocolRound) float64 { return r.Phases.Total }), hue: grey},
		{name: "keys", points: over(func(r *ProtocolRound) float64 { return r.Phases.Keys }), hue: 0},
		{name: "shares", points: over(func(r *ProtocolRound) float64 { return r.Phases.Shares }), hue: 2},
		{name: "inputs", points: over(func(r *ProtocolRound) float64 { return r.Phases.Inputs }), hue: 1},
		{name: "unmask", points: over(func(r *ProtocolRound) float64 { return r.Phases.Unmask }), hue: 3}}}
	privacy := panel{title: "Spent by the device that spent most", y: fmt.Sprintf("ε at δ = %.0e", s.Delta), empty: "nothing", lines: []series{
		{points: over(func(r *ProtocolRound) float64 { return r.Epsilon }), hue: 0}}}
	title := fmt.Sprintf("%d devices, %d words, mode %s, policy %s, seed %d", s.Devices, s.Words, s.Terms.Mode, s.Policy, s.Seed)
	return picture(w, format, title, [4]panel{devices, bytes, time, privacy})
}

// included is 0 where a round gave no sum.
func included(r *ProtocolRound) float64 {
	if r.SumExact == nil {
		return 0
	}
	return float64(r.Included)
}

// Draw writes a picture of the rounds: hit rate with popularity beside it, loss, ε, bytes.
func (s *LearningSummary) Draw(w io.Writer, format string) error {
	over := func(of func(*LearningRound) (float64, bool)) plotter.XYs {
		var out plotter.XYs
		for _, r := range s.lines {
			if y, ok := of(r); ok {
				out = append(out, plotter.XY{X: float64(r.Round), Y: y})
			}
		}
		return out
	}
	hits := panel{title: "Hit rate@10", y: "part of the people judged", empty: "nothing is held out", lines: s.hits(over)}
	loss := panel{title: "Loss on the devices", y: "nats, mean of the members", lines: []series{
		{points: over(func(r *LearningRound) (float64, bool) { return r.Loss, true }), hue: 0}}}
	spent := panel{title: "Privacy spent so far", y: "ε", empty: "no noise, nothing is promised", lines: []series{
		{points: over(func(r *LearningRound) (float64, bool) {
			if r.Epsilon == nil {
				return 0, false
			}
			return *r.Epsilon, true
		}), hue: 0}}}
	if s.Delta != nil {
		spent.y = fmt.Sprintf("ε at δ = %.0e", *s.Delta)
	}
	bytes := panel{title: "Bytes of a person so far, on average", y: "MB", lines: []series{
		{name: "up", points: over(func(r *LearningRound) (float64, bool) { return float64(r.Up) / 1e6, true }), hue: 0},
		{name: "down, whole files", points: over(func(r *LearningRound) (float64, bool) { return float64(r.Down) / 1e6, true }), hue: 1},
		{name: "down, with deltas", points: over(func(r *LearningRound) (float64, bool) { return float64(r.Deltas) / 1e6, true }), hue: 1, dashes: dashed()}}}
	title := fmt.Sprintf("%s on %s, %d devices, seed %d", s.Task, s.Set, s.Devices, s.Seed)
	if s.Simulated > 0 {
		title += fmt.Sprintf(", noise as of %d simulated people", s.Simulated)
	}
	return picture(w, format, title, [4]panel{hits, loss, spent, bytes})
}

// hits are the lines of both protocols with what they are held against.
func (s *LearningSummary) hits(over func(func(*LearningRound) (float64, bool)) plotter.XYs) []series {
	if s.Popularity == nil {
		return nil
	}
	var out, beside []series
	for i, l := range []struct {
		name string
		of   func(*Figures) float64
	}{{"among 99 negatives", func(f *Figures) float64 { return f.HR10 }}, {"in the whole catalogue", func(f *Figures) float64 { return f.FullHR10 }}} {
		level := func(f *Figures) plotter.XYs {
			return over(func(r *LearningRound) (float64, bool) { return l.of(f), r.Round == 1 || r.Round == s.Rounds })
		}
		out = append(out, series{name: l.name, hue: i, points: over(func(r *LearningRound) (float64, bool) {
			if r.Figures == nil {
				return 0, false
			}
			return l.of(r.Figures), true
		})})
		beside = append(beside, series{name: "popularity", hue: i, shared: true, dashes: dashed(), points: level(s.Popularity)})
		if s.WithoutNoise != nil {
			beside = append(beside, series{name: "the same without noise", hue: i, shared: true, dashes: dotted(), points: level(s.WithoutNoise)})
		}
	}
	return append(out, beside...)
}
