package privacy

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Shown writes a privacy figure that is not negative with this many significant digits, rounded up: a bound that was rounded down is none.
func Shown(x float64, digits int) string {
	text := strconv.FormatFloat(x, 'e', max(1, digits)-1, 64)
	near, err := strconv.ParseFloat(text, 64)
	if err != nil || near >= x || math.IsNaN(x) {
		return strconv.FormatFloat(near, 'g', -1, 64)
	}
	mantissa, exponent, _ := strings.Cut(text, "e")
	n, errN := strconv.ParseInt(strings.Replace(mantissa, ".", "", 1), 10, 64)
	e, errE := strconv.Atoi(exponent)
	up, err := strconv.ParseFloat(fmt.Sprintf("%de%d", n+1, e-max(1, digits)+1), 64)
	if errN != nil || errE != nil || err != nil {
		return strconv.FormatFloat(x, 'g', -1, 64) // all of its digits are right too
	}
	return strconv.FormatFloat(up, 'g', -1, 64)
}
