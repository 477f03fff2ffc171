package participant

import (
	"errors"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// TestEveryFieldOfARoundIsDecided fails for a new field of RoundOpen until somebody says what a device does with it.
func TestEveryFieldOfARoundIsDecided(t *testing.T) {
	elsewhere := map[string]string{
		"Round": "F11", "OpenedAt": "F16", "Question": "F17", "ModelIn": "F04", "CodeHash": "F05", "LayoutHash": "F05", "D": "F05", "Deadlines": "F16",
		"PrevRound":     "the auditor follows the chain of rounds",
		"NTarget":       "how many the coordinator would like; n_min and n count",
		"WitnessPolicy": "F03, where one is pinned",
	}
	weaker := weakerTerms()
	for f := range reflect.TypeFor[audit.RoundOpen]().Fields() {
		if weaker[f.Name] == nil && elsewhere[f.Name] == "" {
			t.Errorf("no test says what a device does with RoundOpen.%s", f.Name)
		}
	}
}

// TestNoSingleWeakerNumberPasses draws any value that is weaker than the floor for one field, and wants no key to leave.
func TestNoSingleWeakerNumberPasses(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		u := func(name string, from, to uint64) uint64 { return rapid.Uint64Range(from, to).Draw(rt, name) }
		h := newHonest(t, 8)
		h.hooks.open = func(o *audit.RoundOpen) {
			switch rapid.IntRange(0, 9).Draw(rt, "field") {
			case 0:
				o.NMin = uint32(u("n_min", 0, 4))
			case 1:
				o.GammaBP = uint16(u("γ", 0, 499))
			case 2:
				o.DeltaBP = uint16(u("δ", 6001, math.MaxUint16))
			case 3:
				o.Lambda = uint16(u("λ", 0, 39))
			case 4:
				o.C = math.Float32bits(rapid.OneOf(rapid.Float32Range(10.1, math.MaxFloat32), rapid.Float32Range(-math.MaxFloat32, 0),
					rapid.Just(float32(math.NaN())), rapid.Just(float32(math.Inf(1)))).Draw(rt, "C"))
			case 5:
				o.SigmaTotSq = u("σ²", 0, 80*80/4-1)
				recharge(o)
			case 6:
				o.CInt = uint32(u("C_int", 81, math.MaxUint32))
				o.XMax = o.CInt
				recharge(o)
			case 7:
				o.P = uint32(u("P", 9, math.MaxUint32))
			case 8:
				o.RhoUnits = u("units", 0, o.RhoUnits-1)
			case 9:
				o.Mode = uint16(u("mode", 0, math.MaxUint16))
				if o.Mode == uint16(aggregation.ModeSH) {
					o.Mode = uint16(aggregation.ModeW)
				}
			}
		}
		d := newDevice(t, h)
		if at := d.play(h, "offer"); d.refused == nil || (d.refused.Why != F03BelowFloor && d.refused.Why != F05UnknownCode) || len(d.sent) != 1 {
			rt.Fatalf("at %s: %v; sent %v", at, d.refused, d.types())
		}
	})
}

func TestNoiseIsComparedExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := Floor{ZNum: rapid.Uint64Range(1, 1000).Draw(t, "num"), ZDen: rapid.Uint64Range(1, 1000).Draw(t, "den")}
		cInt, sigma := rapid.Uint32().Draw(t, "C_int"), rapid.Uint64().Draw(t, "σ²")
		if rapid.Bool().Draw(t, "near") { // around the border
			sigma = uint64(cInt)*uint64(cInt)/(f.ZDen*f.ZDen)*(f.ZNum*f.ZNum) + rapid.Uint64Range(0, 2*f.ZNum*f.ZNum).Draw(t, "off")
		}
		left := new(big.Int).Mul(new(big.Int).SetUint64(sigma), new(big.Int).SetUint64(f.ZDen*f.ZDen))
		right := new(big.Int).SetUint64(uint64(cInt))
		right.Mul(right.Mul(right, right), new(big.Int).SetUint64(f.ZNum*f.ZNum))
		if got, want := f.noisy(&audit.RoundOpen{CInt: cInt, SigmaTotSq: sigma}), left.Cmp(right) >= 0 && sigma > 0; got != want {
			t.Fatalf("noisy(%d, %d) at z = %d/%d is %v, want %v", cInt, sigma, f.ZNum, f.ZDen, got, want)
		}
	})
}

func TestShippedPolicyRefusesToTrustTheCoordinator(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	d.cfg.Floor = Balanced()
	d.boot()
	d.play(h, "close")
	if d.refused == nil || d.refused.Why != F03BelowFloor || !strings.Contains(d.refused.Detail, `policy "balanced" does not allow mode SH`) {
		t.Errorf("refused %v", d.refused)
	}
	if !slices.Equal(d.types(), []string{"hello"}) || len(d.entries) != 0 {
		t.Errorf("sent %v", d.types())
	}
	for _, mode := range []aggregation.Mode{aggregation.ModeSH, aggregation.ModeSM} {
		if Balanced().allowsMode(mode) {
			t.Errorf("balanced allows mode %v", mode)
		}
	}
}

// TestShippedPolicyTakesAWitnessedRound is the whole way of a device as it is shipped, in the least round that it takes, in every suite.
func TestShippedPolicyTakesAWitnessedRound(t *testing.T) {
	for _, k := range []kind{{aggregation.ModeW, 1, 1, 1, 32, 1, 1}, {aggregation.ModeW, 2, 3, 2, 16, 1, 3}, {aggregation.ModeW, 1, 2, 1, 24, 2, 3}} {
		h := k.round(t, 64)
		h.hooks.policy = func(p *audit.PolicyChange) { p.NMin, p.DeltaBP = 64, 3000 }
		h.hooks.question = func(q *audit.Question) { q.NMin, q.SigmaTotSq = 64, 4*uint64(q.CInt)*uint64(q.CInt) }
		h.hooks.open = func(o *audit.RoundOpen) {
			o.NMin, o.SigmaTotSq = 64, 4*uint64(o.CInt)*uint64(o.CInt)
			recharge(o)
		}
		d := newDevice(t, h)
		d.cfg.Floor = Balanced()
		d.cfg.Floor.MaxCohorts = k.cohorts // the owner allows them
		d.boot()
		for i := range 2 {
			if d.play(h, "close"); d.refused != nil || d.closed == nil || !d.closed.Counted || d.closed.Round != uint64(i+1) {
				t.Fatalf("%+v: closed %+v, refused %v", k, d.closed, d.refused)
			}
		}
		weaker := h.hooks.open
		for name, f := range map[string]func(*audit.RoundOpen){"n_min": func(o *audit.RoundOpen) { o.NMin-- }, "γ": func(o *audit.RoundOpen) { o.GammaBP-- },
			"δ": func(o *audit.RoundOpen) { o.DeltaBP++ }, "λ": func(o *audit.RoundOpen) { o.Lambda-- }, "noise": func(o *audit.RoundOpen) { o.SigmaTotSq--; recharge(o) }} {
			h.hooks.open = func(o *audit.RoundOpen) { weaker(o); f(o) }
			d.refused = nil
			if at := d.play(h, "roster"); d.refused == nil || d.refused.Why != F03BelowFloor || at != "offer" {
				t.Errorf("%+v, %s: at %s: %v", k, name, at, d.refused)
			}
		}
	}
}

func TestDemoPolicyTakesADemoRound(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	d.cfg.Floor = Demo(8)
	d.boot()
	if d.play(h, "close"); d.refused != nil || d.closed == nil || !d.closed.Counted {
		t.Errorf("refused %v", d.refused)
	}
	for origin, want := range map[string]bool{"/demo": false, "x/demo": true, "x/demos": false, "demo": false, "x/demo/y": false} {
		if demoOrigin(origin) != want {
			t.Errorf("demoOrigin(%q) = %v", origin, !want)
		}
	}
}

func TestNonsensePoliciesAreRefused(t *testing.T) {
	for name, f := range map[string]func(*Floor){
		"roster of 2": func(f *Floor) { f.NMin = 2 }, "no noise": func(f *Floor) { f.ZNum = 0 }, "noise over nothing": func(f *Floor) { f.ZDen = 0 },
		"no clip": func(f *Floor) { f.MaxC = 0 }, "clip is NaN": func(f *Floor) { f.MaxC = float32(math.NaN()) }, "no ceiling": func(f *Floor) { f.Ceiling = 0 },
		"no kex": func(f *Floor) { f.Suites.Kex = nil }, "an unknown generator": func(f *Floor) { f.Suites.PRG = []uint16{1, 4} },
		"an unknown signature": func(f *Floor) { f.Suites.Sig = []uint16{0} }, "words of 8 bits": func(f *Floor) { f.WordBits = []uint16{32, 8} },
		"beacons": func(f *Floor) { f.SeedKinds = []uint16{2, 3} }, "a mode without its seed": func(f *Floor) { f.SeedKinds = []uint16{1} },
		"an unknown mode": func(f *Floor) { f.Modes = []aggregation.Mode{4} }, "too many cohorts": func(f *Floor) { f.MaxCohorts = 33 },
		"no participations": func(f *Floor) { f.P = 0 }, "no spacing": func(f *Floor) { f.B = 0 }, "no period": func(f *Floor) { f.Period = 0 },
	} {
		floor := testFloor()
		f(&floor)
		if _, err := New(Config{Floor: floor, Scratch: NewMemory()}, nil, nil); err == nil || !strings.Contains(err.Error(), `policy "test"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, f := range append(Policies(), Demo(1), testFloor()) {
		if err := f.Validate(); err != nil {
			t.Error(err)
		}
	}
}

// TestSignedSequenceOutlivesTheRound is what a new period must begin above.
func TestSignedSequenceOutlivesTheRound(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	d.play(h, "close")
	if seq, err := Signed(d.disk); err != nil || seq != 1 {
		t.Errorf("signed %d, %v", seq, err)
	}
	header := &protocol.Input{LedgerSeq: 41}
	header.Sign(protocol.Signer{Ed: d.cfg.Key})
	d.step(h, Event{Msg: &protocol.Welcome{Evidence: h.prove(), LastHeader: header.Append(nil)}})
	if seq, err := Signed(d.disk); err != nil || seq != 41 {
		t.Errorf("signed %d, %v", seq, err)
	}
	var old *Refused
	if err := CheckLedger(d.disk, d.ledger, 0, false); !errors.As(err, &old) || old.Why != F10Budget || !strings.Contains(old.Detail, "signed ledger entry 41 before, and its ledger ends at 1") {
		t.Errorf("a ledger that ends before what was signed: %v", err)
	}
	if err := CheckLedger(nil, d.ledger, 0, false); err != nil {
		t.Errorf("a device that signed nothing: %v", err)
	}
	if err := CheckLedger([]byte("x"), d.ledger, 0, false); !errors.Is(err, ErrDamaged) {
		t.Errorf("a damaged state: %v", err)
	}
	if _, err := Signed([]byte("x")); err == nil {
		t.Error("damaged bytes were read")
	}
}

// TestShippedPolicyTakesNoCohorts: a smaller crowd is for the owner to allow.
func TestShippedPolicyTakesNoCohorts(t *testing.T) {
	h := kind{aggregation.ModeW, 1, 1, 1, 32, 2, 3}.round(t, 64)
	d := newDevice(t, h)
	d.cfg.Floor.MaxCohorts = Balanced().MaxCohorts
	d.boot()
	if d.play(h, "offer"); d.refused == nil || d.refused.Why != F03BelowFloor {
		t.Errorf("refused %v, want F03", d.refused)
	}
}

// TestWitnessClockMayStepBack: one witness's clock that is set back a second stops nobody; the device's own time does not follow it.
func TestWitnessClockMayStepBack(t *testing.T) {
	h := kind{aggregation.ModeW, 1, 1, 1, 32, 1, 3}.round(t, 64)
	d := newDevice(t, h)
	d.boot()
	d.play(h, "close")
	before := d.machine.st.Cosigned
	h.clocks[0], h.clocks[1], h.clocks[2] = -time.Minute, -time.Minute, -time.Minute
	if d.play(h, "close"); d.refused != nil {
		t.Fatal(d.refused)
	}
	if d.machine.st.Cosigned < before {
		t.Error("the device's time ran backwards")
	}
}
