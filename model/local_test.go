package model

import (
	"bytes"
	"encoding/hex"
	"math"
	"strings"
	"testing"
)

func TestLocalComesBackAsItWas(t *testing.T) {
	hashes := map[[32]byte]bool{}
	for _, family := range families {
		l := mustLocal(t, family)
		got, err := ParseLocal(l.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if got != l || got.Hash() != l.Hash() {
			t.Errorf("%s: came back as %+v, was %+v", family, got, l)
		}
		hashes[l.Hash()] = true
	}
	if len(hashes) != len(families) {
		t.Error("two families have one code hash")
	}
	if _, err := DefaultLocal("oracle"); err == nil {
		t.Error("a default for an unknown family")
	}
}

// TestLocalBytes pins the canonical bytes: they are hashed into the log.
func TestLocalBytes(t *testing.T) {
	l := Local{Name: NCFFamily, Version: 1, Steps: 4, Cuts: 3, Next: 5, Negatives: 100, Dropout: 0.5, Rate: 1, RateDense: 0.25, Rank: 8}
	const want = "00000003" + "6e6366" + // name
		"00000001" + // version
		"00000004" + "00000003" + "00000005" + "00000064" + // steps, cuts, next, negatives
		"3f000000" + "3f800000" + "3e800000" + // dropout, rate, rate of dense tensors
		"00000008" // rank
	if got := hex.EncodeToString(l.Append(nil)); got != want {
		t.Errorf("bytes %s, want %s", got, want)
	}
}

func TestParseLocalRefuses(t *testing.T) {
	good := mustLocal(t, TwoTowerFamily)
	nan := float32(math.NaN())
	for name, change := range map[string]func(*Local){
		"unknown family":   func(l *Local) { l.Name = "oracle" },
		"no name":          func(l *Local) { l.Name = "" },
		"version 0":        func(l *Local) { l.Version = 0 },
		"version 2":        func(l *Local) { l.Version = 2 },
		"no steps":         func(l *Local) { l.Steps = 0 },
		"many steps":       func(l *Local) { l.Steps = maxSteps + 1 },
		"no cuts":          func(l *Local) { l.Cuts = 0 },
		"many cuts":        func(l *Local) { l.Cuts = maxCuts + 1 },
		"no targets":       func(l *Local) { l.Next = 0 },
		"many targets":     func(l *Local) { l.Next = maxNext + 1 },
		"many negatives":   func(l *Local) { l.Negatives = maxNegs + 1 },
		"drops all":        func(l *Local) { l.Dropout = 1 },
		"negative drop":    func(l *Local) { l.Dropout = -0.1 },
		"NaN drop":         func(l *Local) { l.Dropout = nan },
		"no rate":          func(l *Local) { l.Rate = 0 },
		"NaN rate":         func(l *Local) { l.Rate = nan },
		"infinite rate":    func(l *Local) { l.Rate = float32(math.Inf(1)) },
		"NaN dense rate":   func(l *Local) { l.RateDense = nan },
		"long name":        func(l *Local) { l.Name = strings.Repeat("x", 1000) },
		"great dense rate": func(l *Local) { l.RateDense = 1e9 },
	} {
		l := good
		change(&l)
		if _, err := ParseLocal(l.Append(nil)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	b := good.Append(nil)
	for n := range b {
		if _, err := ParseLocal(b[:n]); err == nil {
			t.Errorf("accepted the first %d of %d bytes", n, len(b))
		}
	}
	if _, err := ParseLocal(append(b, 0)); err == nil {
		t.Error("accepted a trailing byte")
	}
}

func FuzzParseLocal(f *testing.F) {
	for _, family := range families {
		f.Add(mustLocal(f, family).Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := ParseLocal(b)
		if err == nil && !bytes.Equal(l.Append(nil), b) {
			t.Errorf("accepted %x, encodes to %x", b, l.Append(nil))
		}
	})
}

// TestWordsOfTraining wants an answer to training to hold the whole model.
func TestWordsOfTraining(t *testing.T) {
	for _, family := range families {
		s := start(t, family, 30, 4)
		l := mustLocal(t, family)
		if got := l.Words(s.Layout); got != len(s.Params) {
			t.Errorf("%s: %d words for a model of %d parameters", family, got, len(s.Params))
		}
		l.Rank = 3 // of 4
		if got, want := l.Words(s.Layout), len(s.Params)-30; got != want || l.Uplink(s.Layout, s.Hash()).Words() != want {
			t.Errorf("%s: %d words with rank 3 of 4 and 30 titles, want %d", family, got, want)
		}
	}
}
