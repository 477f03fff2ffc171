package auditing_test

import (
	"bytes"
	"crypto/ed25519"
	"testing"
	"testing/fstest"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/cmd/internal/auditing"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// TestRulesKnowCohorts: degree and honest floor are those of a cohort (secure aggregation 14.2), not of the roster.
func TestRulesKnowCohorts(t *testing.T) {
	r := auditing.Rules()
	p := aggregation.GraphParams{N: 96, GammaBP: 500, DeltaBP: 1000, Lambda: 80, Eta: 20, Mode: aggregation.ModeW, Cohorts: 2}
	d, err := aggregation.FindDegree(p)
	if err != nil {
		t.Fatal(err)
	}
	corrupt, err := aggregation.CohortCorrupt(p)
	if err != nil {
		t.Fatal(err)
	}
	g := audit.Graph{N: 96, K: d.K, T: d.T, GammaBP: 500, DeltaBP: 1000, Lambda: 80, Eta: 20, Mode: 1, Cohorts: 2}
	if err := r.CheckDegree(g); err != nil {
		t.Errorf("the complete graph of each cohort: %v", err)
	}
	if h, want := r.HonestFloor(g), 48-4-corrupt; h != want {
		t.Errorf("h_min of a cohort is %d, want %d", h, want)
	}
	whole := g
	whole.Cohorts = 1
	if r.CheckDegree(whole) == nil {
		t.Error("the degree of two cohorts passes for one")
	}
	g.Cohorts = 5
	if r.CheckDegree(g) == nil || r.HonestFloor(g) > 0 {
		t.Error("96 devices in five cohorts pass")
	}
}

// TestAuditAcceptsARoundInCohorts writes the log of a round in two cohorts, and of the same round where the noise is claimed of one device more than are surely honest.
func TestAuditAcceptsARoundInCohorts(t *testing.T) {
	if r := auditCohorts(t, 0); !r.OK {
		t.Errorf("%+v", r)
	}
	if r := auditCohorts(t, 1); r.OK {
		t.Error("a round that claims noise of more devices than a cohort's honest passes")
	}
}

// auditCohorts audits a round of two cohorts whose RoundClose claims so many devices' noise too many.
func auditCohorts(t *testing.T, excess uint64) audit.Report {
	t.Helper()
	const n, each, at = 12, 6, 1_700_000_000
	key := func(b byte) ed25519.PrivateKey {
		return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
	}
	public := func(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }
	authority, coordinator, logKey := key(1), key(2), key(3)
	params := aggregation.GraphParams{N: n, GammaBP: 500, DeltaBP: 1700, Lambda: 40, Eta: 20, Mode: aggregation.ModeSM, Cohorts: 2}
	d, err := aggregation.FindDegree(params)
	if err != nil {
		t.Fatal(err)
	}
	corrupt, err := aggregation.CohortCorrupt(params)
	if err != nil {
		t.Fatal(err)
	}
	units, err := privacy.Charge(80, 1600)
	if err != nil {
		t.Fatal(err)
	}
	log, entries := audit.NewLog(), [][]byte(nil)
	write := func(r audit.Record) [32]byte {
		entry, err := audit.Seal(coordinator, r)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, entry)
		log.Append(entry)
		return audit.LeafHash(entry)
	}
	write(&audit.PolicyChange{CeilingUnits: 10 * uint64(units), PeriodSeconds: 30 * 24 * 3600, P: 4, B: 1, NMin: 5, GammaBP: 500, DeltaBP: 1700})
	write(&audit.CodeRelease{CodeHash: [32]byte{1}, Name: "two-tower", Version: 1})
	question := write(&audit.Question{ID: "train", Version: 1, Purpose: "learn", Kind: 1, LayoutHash: [32]byte{2}, D: 100, C: 0x3f000000, CInt: 80,
		SigmaTotSq: 1600, NMin: 5, P: 4, B: 1, ShareBP: 10000, Expiry: at + 1e6, CodeHash: [32]byte{1}, Result: "the next model"})
	open := write(&audit.RoundOpen{Round: 1, OpenedAt: at, Question: question, ModelIn: [32]byte{3}, CodeHash: [32]byte{1}, LayoutHash: [32]byte{2}, D: 100,
		WordBits: 32, XMax: 80, Kex: 1, PRG: 1, Sig: 1, Mode: 2, SeedKind: 3, GammaBP: 500, DeltaBP: 1700, Lambda: 40, Eta: 20, NTarget: n, NMin: 5,
		Cohorts: 2, C: 0x3f000000, CInt: 80, SigmaTotSq: 1600, RhoUnits: uint64(units), P: 4, B: 1, Deadlines: [5]uint32{60, 90, 120, 150, 180}})
	roster := write(&audit.Roster{Open: open, N: n, K: uint32(d.K), T: uint32(d.T), Root: [32]byte{4}})
	seed := aggregation.GraphSeed(open, roster)
	var survivors [][32]byte
	for c := range uint32(2) {
		survivors = append(survivors, write(&audit.Survivors{Open: open, Roster: roster, Cohort: c, SID: aggregation.SessionID(open, roster, seed, c), Count: each - 1,
			BitmapHash: [32]byte{5}, InputsRoot: [32]byte{6}}))
	}
	h := uint64(privacy.CohortFloor(each, corrupt, 1700))
	noise := (h + excess) * ((1600 + h - 1) / h)
	write(&audit.RoundClose{Open: open, Roster: roster, Survivors: survivors, SumHash: [][32]byte{{7}, {8}}, ModelOut: [32]byte{9}, ServeHash: [32]byte{10},
		U1: n, U2: n, U3: n - 2, HonestNoise: noise, C: 0x3f000000, RhoUnits: uint64(units), RhoCumBound: uint64(units), PhaseMillis: [5]uint32{1, 2, 3, 4, 5},
		Drops: []audit.Drop{{Reason: 3, Count: 2}}})

	size := uint64(len(entries))
	files, err := audit.Tiles(entries, 0, size, log)
	if err != nil {
		t.Fatal(err)
	}
	note, err := audit.SignCheckpoint("test.example/log", logKey, size, log.Root(size))
	if err != nil {
		t.Fatal(err)
	}
	cert := protocol.IssueCert(authority, protocol.Cert{IDPK: [32]byte(public(coordinator)), Class: protocol.ClassCoordinator, NotBefore: at - 300, NotAfter: at + 1e6, Quota: 1}).Bytes()
	keys, err := audit.Keys{Origin: "test.example/log", LogKey: public(logKey), Authority: public(authority), Coordinator: cert[:]}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	folder := fstest.MapFS{"keys": {Data: keys}, "checkpoint": {Data: note}}
	for _, f := range files {
		folder[f.Path] = &fstest.MapFile{Data: f.Data}
	}
	r, err := auditing.Verify(folder, audit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
