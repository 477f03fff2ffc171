package sim

import (
	"strings"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
)

// TestModesAndSuites runs clean rounds, and rounds with losses and crashes, under every mode and suite.
func TestModesAndSuites(t *testing.T) {
	suite := func(kex, prg, bits uint16) aggregation.Suite {
		return aggregation.Suite{Kex: kex, PRG: prg, WordBits: bits}
	}
	for name, cfg := range map[string]Config{
		"mode SM":                 {Mode: aggregation.ModeSM},
		"mode W":                  {Mode: aggregation.ModeW},
		"hybrid signatures":       {Mode: aggregation.ModeW, Sig: 2},
		"X-Wing":                  {Mode: aggregation.ModeW, Suite: suite(2, 1, 32)},
		"AES-256":                 {Mode: aggregation.ModeSM, Suite: suite(1, 2, 32)},
		"ChaCha20, 24 bits":       {Mode: aggregation.ModeW, Suite: suite(1, 3, 24)},
		"16 bits":                 {Mode: aggregation.ModeW, Suite: suite(1, 1, 16)},
		"everything":              {Mode: aggregation.ModeSM, Suite: suite(2, 2, 16), Sig: 2},
		"two cohorts":             {Mode: aggregation.ModeW, Cohorts: 2},
		"two cohorts, SM":         {Mode: aggregation.ModeSM, Cohorts: 2, Suite: suite(2, 3, 24)},
		"a clip bit":              {Mode: aggregation.ModeW, ClipBit: true},
		"a clip bit, SM, 16 bits": {Mode: aggregation.ModeSM, ClipBit: true, Suite: suite(1, 1, 16)},
		"a clip bit, two cohorts": {Mode: aggregation.ModeW, ClipBit: true, Cohorts: 2, Suite: suite(2, 2, 24)},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.Seed, cfg.Devices, cfg.Min, cfg.DeltaBP, cfg.Rounds, cfg.D = 1, 10, 3, 2000, 2, 20
			if cfg.ClipBit {
				cfg.Devices, cfg.Min = 16, 6
			}
			for _, trouble := range []Config{{}, {Lose: map[Step]int{AtInput: 1}, Crash: []string{"shares", "inputs", "unmask"}, Restart: map[Step]int{AtReveal: 2}}} {
				cfg.Lose, cfg.Crash, cfg.Restart = trouble.Lose, trouble.Crash, trouble.Restart
				out, err := Run(cfg)
				if err != nil {
					t.Fatalf("%v\n%s", err, strings.Join(out.Trace, "\n"))
				}
				for _, r := range out.Rounds {
					if !r.Done || !r.SumOK || r.U3 < cfg.Devices-cfg.Lose[AtInput] || len(r.Refusals) > 0 {
						t.Errorf("%+v\n%s", r, strings.Join(out.Trace, "\n"))
					}
				}
			}
		})
	}
}
