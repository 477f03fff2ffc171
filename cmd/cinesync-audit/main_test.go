package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

var update = flag.Bool("update", false, "rewrite what the scripts expect; review the difference")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"cinesync-audit": func() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs testdata/script. Each script finds the logs of audit/testdata in its folder: honest/, open/, witnessed/ and kept.checkpoint.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			return os.CopyFS(e.WorkDir, os.DirFS(filepath.Join("..", "..", "audit", "testdata")))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"flip": flip, "opened": opened, "received": received}})
}

// flip changes one byte of a file: flip FILE OFFSET.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	b, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	b[at] ^= 0x10
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o644))
}

// opened writes a log whose only round was opened so many seconds ago: opened DIR SECONDS.
func opened(ts *testscript.TestScript, _ bool, args []string) {
	ago, err := strconv.Atoi(args[1])
	ts.Check(err)
	now := uint64(time.Now().Unix())
	key := func(b byte) ed25519.PrivateKey {
		return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
	}
	public := func(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }
	cert := protocol.IssueCert(key(1), protocol.Cert{IDPK: [32]byte(public(key(7))), Class: protocol.ClassCoordinator, NotBefore: now - 3600, NotAfter: now + 3600}).Bytes()
	question := &audit.Question{ID: "train", Kind: 1, D: 100, C: 0x3f000000, CInt: 80, SigmaTotSq: 1600, NMin: 9, P: 4, B: 1, ShareBP: 10000, Expiry: now + 3600}
	sealed, err := audit.Seal(key(7), question)
	ts.Check(err)
	var entries [][]byte
	log := audit.NewLog()
	for _, r := range []audit.Record{
		&audit.PolicyChange{CeilingUnits: 1 << 42, PeriodSeconds: audit.MinPeriodSeconds, P: 4, B: 1, NMin: 9, GammaBP: 500, DeltaBP: 1500}, &audit.CodeRelease{}, question,
		&audit.RoundOpen{Round: 1, OpenedAt: now - uint64(ago), Question: audit.LeafHash(sealed), D: 100, WordBits: 32, XMax: 80, Kex: 1, PRG: 1, Sig: 1,
			Mode: 3, SeedKind: 3, GammaBP: 500, DeltaBP: 1500, Lambda: 40, Eta: 20, NTarget: 10, NMin: 9, Cohorts: 1, C: 0x3f000000, CInt: 80,
			SigmaTotSq: 1600, RhoUnits: 2 << 40, P: 4, B: 1, Deadlines: [5]uint32{600, 700, 800, 900, 1000}},
	} {
		entry, err := audit.Seal(key(7), r)
		ts.Check(err)
		entries = append(entries, entry)
		log.Append(entry)
	}
	files, err := audit.Tiles(entries, 0, log.Size(), log)
	ts.Check(err)
	keys, err := audit.Keys{Origin: "cinesync.local/demo", LogKey: public(key(9)), Authority: public(key(1)), Coordinator: cert[:]}.Encode()
	ts.Check(err)
	note, err := audit.SignCheckpoint("cinesync.local/demo", key(9), log.Size(), log.Root(log.Size()))
	ts.Check(err)
	for _, f := range append(files, audit.File{Path: "keys", Data: keys}, audit.File{Path: "checkpoint", Data: note}) {
		path := filepath.Join(ts.MkAbs(args[0]), "log", filepath.FromSlash(f.Path))
		ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
		ts.Check(os.WriteFile(path, f.Data, 0o644))
	}
}

// received writes what a device keeps of a round, and the head of that round's log beside it: received DIR.
func received(ts *testscript.TestScript, _ bool, args []string) {
	key := func(b byte) ed25519.PrivateKey {
		return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
	}
	public := func(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }
	cert := protocol.IssueCert(key(1), protocol.Cert{IDPK: [32]byte(public(key(7))), Class: protocol.ClassCoordinator, NotAfter: 1 << 40}).Bytes()
	leaves := [][]byte{append([]byte{0, 0, 0, 4}, make([]byte, 32)...), append([]byte{0, 0, 0, 9}, bytes.Repeat([]byte{0x77}, 32)...)}
	sealed, err := audit.Seal(key(7), &audit.Survivors{SID: [32]byte{3}, Count: 2, InputsRoot: audit.MerkleRoot(leaves)})
	ts.Check(err)
	closed, err := audit.Seal(key(7), &audit.RoundClose{Survivors: [][32]byte{audit.LeafHash(sealed)}, SumHash: [][32]byte{{0x60}}, ModelOut: [32]byte{0x70}})
	ts.Check(err)
	log := audit.NewLog()
	log.Append(sealed)
	log.Append(closed)
	const origin = "cinesync.example/test"
	note, err := audit.SignCheckpoint(origin, key(9), 2, log.Root(2))
	ts.Check(err)
	policy := audit.WitnessPolicy{Witnesses: []audit.Witness{{Name: "w1", Key: public(key(20))}}, Quorum: 1}
	line, err := audit.Cosign("w1", key(20), note, 1_700_000_000)
	ts.Check(err)
	note, err = audit.AddCosignatures(note, [][]byte{line}, policy)
	ts.Check(err)
	first, err := log.Inclusion(0, 2)
	ts.Check(err)
	second, err := log.Inclusion(1, 2)
	ts.Check(err)
	receipt := &protocol.Receipt{SID: [32]byte{3}, Index: 9, YHash: [32]byte(bytes.Repeat([]byte{0x77}, 32))}
	receipt.Sign(protocol.Signer{Ed: key(7)})
	file, err := (&audit.ReceiptFile{Coordinator: cert[:], Receipt: receipt.Append(nil), Trees: []audit.ReceiptTree{{Checkpoint: note}},
		Survivors: audit.ProvedEntry{Index: 0, Entry: sealed, Proof: first}, Close: audit.ProvedEntry{Index: 1, Entry: closed, Proof: second},
		InputIndex: 1, InputProof: audit.MerkleProof(leaves, 1)}).Append(nil)
	ts.Check(err)
	keys, err := audit.Keys{Origin: origin, LogKey: public(key(9)), Authority: public(key(1)), Coordinator: cert[:]}.Encode()
	ts.Check(err)
	for name, b := range map[string][]byte{"round.receipt": file, "log/keys": keys, "log/policy": policy.Text()} {
		path := filepath.Join(ts.MkAbs(args[0]), filepath.FromSlash(name))
		ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
		ts.Check(os.WriteFile(path, b, 0o644))
	}
}

func TestSpecificationNames(t *testing.T) {
	for name, want := range map[string]string{"OpenedAt": "opened_at", "SigmaTotSq": "sigma_tot_sq", "NMin": "n_min", "CInt": "c_int", "GammaBP": "gamma_bp",
		"SID": "sid", "U1": "u1", "C": "c", "XMax": "x_max", "RhoCumBound": "rho_cum_bound", "ID": "id", "PRG": "prg", "K": "k"} {
		if got := snake(name); got != want {
			t.Errorf("%s is shown as %s, want %s", name, got, want)
		}
	}
}
