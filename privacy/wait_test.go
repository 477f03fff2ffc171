package privacy

import (
	"testing"
	"time"
)

func TestDrawWait(t *testing.T) {
	for d, want := range map[int]time.Duration{1: 50, 25_000: 50, 25_001: 100, 125_000: 250, 10_000_000: 20_000} {
		if got := DrawWait(d); got != want*time.Millisecond {
			t.Errorf("%d words: %v, want %v", d, got, want*time.Millisecond)
		}
	}
}
