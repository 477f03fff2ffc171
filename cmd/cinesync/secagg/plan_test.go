package secagg

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/sim/hostile"
)

var someRate = Rate{OneCore: 1e9, AllCores: 2e9}

func shapeOf(n, dim int, mode aggregation.Mode) Shape {
	return Shape{Devices: n, GammaBP: 500, DeltaBP: 1000, DropBP: 1000, Lambda: 80, Eta: 20, Mode: mode, Dim: dim, WordBits: 32, PRG: 1, Cohorts: 1, LogSize: 1 << 20, Witnesses: 3}
}

func planOf(t *testing.T, s Shape) Plan {
	t.Helper()
	p, err := s.Plan(someRate)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPlanIsARealRound plays a round of real devices and compares, phase by phase, the bytes that they sent and received.
func TestPlanIsARealRound(t *testing.T) {
	for name, n := range map[string]int{"complete graph": 16, "ring": 128} {
		t.Run(name, func(t *testing.T) {
			const dim = 70_000 // more than one chunk
			s := hostile.NewCoordinator(t, hostile.Plain(n, dim, aggregation.ModeSH))
			v := s.Play()
			p := planOf(t, Shape{Devices: n, GammaBP: int(s.Scene.GammaBP), DeltaBP: int(s.Scene.DeltaBP), Lambda: int(v.Round().Lambda), Eta: int(v.Round().Eta),
				Mode: aggregation.ModeSH, Dim: dim, WordBits: 32, PRG: 1, Cohorts: 1, LogSize: 8})
			if p.K != v.Degree.K || p.T != v.Degree.T || p.Complete != (n == 16) {
				t.Errorf("planned (%d, %d), the round has %+v", p.K, p.T, v.Degree)
			}
			for _, d := range s.Devices {
				up, down := bytesOf(t, d.Said), bytesOf(t, d.Heard())
				for _, ph := range p.Phases {
					if up[ph.Name] != ph.Up {
						t.Errorf("%s sent %d bytes in phase %s, the plan says %d", d.Name, up[ph.Name], ph.Name, ph.Up)
					}
					// Proofs are planned at their longest, and texts of a question at a typical length.
					if slack := int64(1500); down[ph.Name] > ph.Down || down[ph.Name] < ph.Down-slack-ph.Down/20 {
						t.Errorf("%s received %d bytes in phase %s, the plan says %d", d.Name, down[ph.Name], ph.Name, ph.Down)
					}
				}
			}
		})
	}
}

func bytesOf(t *testing.T, all []protocol.Message) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	for _, m := range all {
		frame, err := protocol.AppendFrame(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		phase := map[protocol.Type]string{protocol.TypeOffer: "recruit", protocol.TypeAdvertise: "keys", protocol.TypeRoster: "shares", protocol.TypeShares: "shares",
			protocol.TypeDelivery: "inputs", protocol.TypeInput: "inputs", protocol.TypeInputState: "inputs", protocol.TypeChunk: "inputs", protocol.TypeReceipt: "inputs",
			protocol.TypeSurvivors: "unmask", protocol.TypeReveal: "unmask", protocol.TypeClose: "settle"}[m.Type()]
		if phase == "" {
			t.Fatalf("no phase has a %v", m.Type())
		}
		out[phase] += int64(len(frame))
	}
	return out
}

// TestBytesOfAMillionWords holds the targets for what a device sends beside float32.
func TestBytesOfAMillionWords(t *testing.T) {
	for _, n := range []int{64, 128, 1000, 2000} {
		if p := planOf(t, shapeOf(n, 1_000_000, aggregation.ModeW)); p.UpRatio > 1.02 || p.UpRatio < 1 {
			t.Errorf("n = %d: a device sends %.4f times float32", n, p.UpRatio)
		}
		packed := shapeOf(n, 1_000_000, aggregation.ModeW)
		packed.WordBits = 16
		if p := planOf(t, packed); p.UpRatio > 0.55 || p.UpRatio < 0.5 {
			t.Errorf("n = %d: packed to 16 bits a device sends %.4f times float32", n, p.UpRatio)
		}
	}
}

// TestPostQuantumTraffic takes the figures of 14.1 at k = 128: 310 KB more down in R1, 220 KB up, 220 KB down in R2.
func TestPostQuantumTraffic(t *testing.T) {
	s := shapeOf(1000, 1_000_000, aggregation.ModeW)
	s.Lambda = 40 // k = 128
	plain := planOf(t, s)
	s.Hybrid.Kex = true
	kem := planOf(t, s)
	if plain.K != 128 {
		t.Fatalf("k = %d", plain.K)
	}
	for i, want := range map[int]struct{ up, down float64 }{1: {2432, 0}, 2: {215e3, 313e3}, 3: {0, 215e3}} {
		up, down := float64(kem.Phases[i].Up-plain.Phases[i].Up), float64(kem.Phases[i].Down-plain.Phases[i].Down)
		if math.Abs(up-want.up) > 0.01*want.up || math.Abs(down-want.down) > 0.01*want.down {
			t.Errorf("phase %s: %v bytes more up, %v down, want about %v and %v", kem.Phases[i].Name, up, down, want.up, want.down)
		}
	}
	s.Hybrid.Sig = true
	signed := planOf(t, s)
	if more := signed.Phases[1].Up - kem.Phases[1].Up; more != protocol.CertPQSize+protocol.PQSigSize {
		t.Errorf("%d bytes more of hybrid signatures", more)
	}
}

// TestCohortsCostPrivacy takes the specification's example: eight blocks cost √8 more noise and a smaller crowd.
func TestCohortsCostPrivacy(t *testing.T) {
	s := shapeOf(1003, 100_000, aggregation.ModeW)
	s.Cohorts = 8
	p := planOf(t, s)
	c := p.Cohorts
	if c == nil || c.Count != 8 || c.Members != 125 || c.LeftOut != 3 || math.Abs(c.NoiseFactor-2.828) > 0.001 {
		t.Fatalf("%+v", c)
	}
	if c.Corrupt <= 125*5/100 || c.Corrupt >= 50 || c.Honest != 113-c.Corrupt || c.HonestOfOne != 900-50 {
		t.Errorf("%+v: the tail bound of 125 of 1000 with 50 corrupt lies well above 6", c)
	}
	if one := planOf(t, shapeOf(1000, 100_000, aggregation.ModeW)); one.Cohorts != nil || one.ServerMemory >= p.ServerMemory || p.K >= 125 {
		t.Errorf("one: %+v, eight: %+v", one, p)
	}
	s.Devices, s.Cohorts, s.DeltaBP, s.DropBP = 200, 2, 4000, 0
	s.GammaBP = 3500
	if _, err := s.Plan(someRate); err == nil {
		t.Error("cohorts without an honest survivor are planned")
	}
}

// TestPlannedMasks takes the rows of the specification's table 18.1.
func TestPlannedMasks(t *testing.T) {
	for _, c := range []struct {
		n, dim, drop, lambda int
		server               float64 // bytes
		k                    int
	}{
		{1000, 1_000_000, 1000, 80, 63e9, 166},
		{10_000, 1_000_000, 1000, 40, 0.67e12, 176},
		{10_000, 1_000_000, 1000, 80, 0.91e12, 244},
		{10_000, 10_000_000, 1000, 80, 9.1e12, 244},
	} {
		s := shapeOf(c.n, c.dim, aggregation.ModeW)
		s.Lambda, s.DropBP = c.lambda, c.drop
		p := planOf(t, s)
		if got := float64(p.ServerKeystream); p.K != c.k || math.Abs(got/c.server-1) > 0.02 {
			t.Errorf("n = %d, d = %d: k = %d, %g bytes, the table says %d, %g", c.n, c.dim, p.K, got, c.k, c.server)
		}
		if want := int64(c.dim) * 4 * int64(c.k+1); p.DeviceKeystream != want || p.DeviceSeconds != float64(want)/1e9 || p.ServerSeconds != float64(p.ServerKeystream)/2e9 {
			t.Errorf("n = %d: a device makes %d bytes in %v s, want %d", c.n, p.DeviceKeystream, p.DeviceSeconds, want)
		}
	}
}

func TestPlanNamesTheFlag(t *testing.T) {
	for flag, change := range map[string]func(*Shape){
		"devices":   func(s *Shape) { s.Devices = 2 },
		"dim":       func(s *Shape) { s.Dim = 0 },
		"lambda":    func(s *Shape) { s.Lambda = 300 },
		"eta":       func(s *Shape) { s.Eta = 0 },
		"gamma":     func(s *Shape) { s.GammaBP = 10_000 },
		"delta":     func(s *Shape) { s.DeltaBP = -1 },
		"cohorts":   func(s *Shape) { s.Cohorts = 33 },
		"word-bits": func(s *Shape) { s.WordBits = 8 },
		"dropouts":  func(s *Shape) { s.DropBP = 1001 },
	} {
		s := shapeOf(1000, 1000, aggregation.ModeW)
		change(&s)
		_, err := s.Plan(someRate)
		var wrong FlagError
		if !errors.As(err, &wrong) || wrong.Flag != flag || !strings.HasPrefix(err.Error(), "--"+flag+" is ") {
			t.Errorf("%s: %v", flag, err)
		}
	}
	s := shapeOf(1000, 1000, aggregation.ModeW)
	s.GammaBP, s.DeltaBP, s.DropBP = 4000, 4000, 0
	if _, err := s.Plan(someRate); err == nil || !strings.Contains(err.Error(), "lower γ or δ") {
		t.Errorf("rates that nothing fits: %v", err)
	}
	s = shapeOf(16_000, 1000, aggregation.ModeW)
	s.DeltaBP, s.Hybrid = 3000, Hybrid{Kex: true, Sig: true}
	if _, err := s.Plan(someRate); err == nil || !strings.Contains(err.Error(), "cannot be run") {
		t.Errorf("a roster message beyond its limit: %v", err)
	}
}

func TestMeasuredRateIsOne(t *testing.T) {
	if r := Measure(aggregation.PRGAES128); !(r.OneCore > 1e6) || !(r.AllCores > 1e6) || !r.Measured {
		t.Errorf("%+v", r)
	}
}
