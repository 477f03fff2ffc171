package privacy_test

import (
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/privacy"
)

func TestFiguresAreRoundedUp(t *testing.T) {
	for _, c := range []struct {
		x      float64
		digits int
		want   string
	}{
		{0, 4, "0"}, {7.48, 4, "7.48"}, {32.22166, 4, "32.23"}, {23.0841, 3, "23.1"}, {23.0001, 3, "23.1"}, {9.9999, 4, "10"}, {999.96, 4, "1000"},
		{0.00123456, 3, "0.00124"}, {123456, 3, "124000"}, {1e-9, 4, "1e-09"}, {0.9999999, 3, "1"}, {5, 0, "5"}, {5.1, 0, "6"}, {math.Inf(1), 4, "+Inf"}, {math.NaN(), 4, "NaN"},
	} {
		if got := privacy.Shown(c.x, c.digits); got != c.want {
			t.Errorf("Shown(%v, %d) = %s, want %s", c.x, c.digits, got, c.want)
		}
	}
}

// TestShownFiguresAreNeverBelow, and less than one of the last digit above.
func TestShownFiguresAreNeverBelow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, digits := rapid.Float64Range(1e-300, 1e300).Draw(t, "x"), rapid.IntRange(1, 12).Draw(t, "digits")
		got, err := strconv.ParseFloat(privacy.Shown(x, digits), 64)
		if err != nil || got < x || got > x*(1+1.0001*math.Pow10(1-digits)) {
			t.Fatalf("%v with %d digits is shown as %v (%v)", x, digits, got, err)
		}
	})
}
