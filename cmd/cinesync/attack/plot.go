package attack

import (
	"bytes"
	"fmt"
)

// Size of the plot and of its margins, in units of the drawing.
const (
	plotSide   = 300
	plotLeft   = 56
	plotTop    = 16
	plotBottom = 48
	plotRight  = 180
)

// colours of the levels of noise, legible on white and on black and to the colour-blind.
var colours = [len(levels)]string{"#0072b2", "#d55e00", "#888888"}

// Plot draws the canaries' receiver operating characteristic as SVG: the share found over the share of false alarms.
func (r *Report) Plot() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n",
		plotLeft+plotSide+plotRight, plotTop+plotSide+plotBottom)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#ffffff"/>`+"\n")
	fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#444444"/>`+"\n", plotLeft, plotTop, plotSide, plotSide)
	for i := range 5 {
		share := float64(i) / 4
		x, y := place(share, share)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%.2g</text>`+"\n", x, plotTop+plotSide+16, share)
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" text-anchor="end">%.2g</text>`+"\n", plotLeft-6, y+4, share)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">false alarms</text>`+"\n", plotLeft+plotSide/2, plotTop+plotSide+36)
	fmt.Fprintf(&b, `<text x="14" y="%d" text-anchor="middle" transform="rotate(-90 14 %[1]d)">canaries found</text>`+"\n", plotTop+plotSide/2)
	x0, y0 := place(0, 0)
	x1, y1 := place(1, 1)
	fmt.Fprintf(&b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#aaaaaa" stroke-dasharray="4 4"/>`+"\n", x0, y0, x1, y1)
	for i, c := range r.Canaries {
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="2" points="`, colours[i])
		for _, p := range c.Attack.curve {
			x, y := place(p.FalseAlarm, p.Hit)
			fmt.Fprintf(&b, "%.1f,%.1f ", x, y)
		}
		fmt.Fprintf(&b, `"/>`+"\n")
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s">noise %s: AUC %.3f</text>`+"\n", plotLeft+plotSide+10, plotTop+20+20*i, colours[i], c.Noise, c.Attack.AUC)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" fill="#666666">guessing (dashed): 0.5</text>`+"\n</svg>\n", plotLeft+plotSide+10, plotTop+20+20*len(levels))
	return b.Bytes()
}

// place maps shares to the drawing, whose second axis points down.
func place(x, y float64) (px, py float64) {
	return plotLeft + x*plotSide, plotTop + (1-y)*plotSide
}
