package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/client"
	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/client/door/sqlite"
	"github.com/cinesync/cinesync/cmd/internal/identity"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cinesyncd": main})
}

// TestScripts runs the program as a person would. Each script is one situation.
func TestScripts(t *testing.T) {
	data, err := filepath.Abs("../../client/history/imports/testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("DATA", data)
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
			key := hex.EncodeToString(authority().Public().(ed25519.PublicKey))
			env.Setenv("KEY", key)
			policy := audit.WitnessPolicy{Quorum: 1, Witnesses: []audit.Witness{{Name: "witness.example.org", Key: authority().Public().(ed25519.PublicKey)}}}
			if err := os.WriteFile(filepath.Join(env.WorkDir, "witnesses"), policy.Text(), 0o600); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(env.WorkDir, "both.pub"), []byte(key+"\n"+strings.Repeat("0", 2*protocol.PQKeySize)+"\n"), 0o600)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "onejson": oneJSON, "enrol": enrol, "model": putModel, "charge": charge, "sql": runSQL, "config": config, "damage": damage, "signed": signed,
			"receipt": receipt,
		}})
}

// authority signs the certificates of tests, and is every other party's key too.
func authority() ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("cinesyncd test authority"))
	return ed25519.NewKeyFromSeed(seed[:])
}

// exits N ARGS... runs cinesyncd and wants exit code N.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec("cinesyncd", args[1:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// onejson FILE wants exactly one JSON document.
func oneJSON(ts *testscript.TestScript, _ bool, args []string) {
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	var v any
	ts.Check(dec.Decode(&v))
	if _, err := dec.Token(); err != io.EOF {
		ts.Fatalf("something follows the JSON document: %v", err)
	}
	if v == nil {
		ts.Fatalf("the JSON document is null")
	}
}

// enrol DIR DAYS turns DIR's request into a certificate that is valid for so many days from now; -1: it expired.
func enrol(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	days, err := strconv.Atoi(args[1])
	ts.Check(err)
	text, err := os.ReadFile(filepath.Join(dir, "identity.request"))
	ts.Check(err)
	req, err := protocol.ParseRequestArmor(text)
	ts.Check(err)
	ts.Check(req.Verify())
	now := time.Now()
	cert := protocol.IssueCert(authority(), protocol.Cert{IDPK: req.IDPK, Class: req.Class, NotBefore: uint64(now.AddDate(0, 0, -10).Unix()),
		NotAfter: uint64(now.AddDate(0, 0, days).Unix()), Quota: 10})
	ts.Check(identity.WriteCert(filepath.Join(dir, "identity.cert"), cert, nil))
}

// model DIR ITEM... puts a model of these titles on the device, as if a round had published it.
func putModel(ts *testscript.TestScript, _ bool, args []string) {
	items := args[1:]
	features := make([][]float32, len(items))
	for i := range features {
		features[i] = []float32{float32(i % 2), float32(i % 3), 1}
	}
	s, err := model.New(model.TwoTowerFamily, items, features, 4)
	ts.Check(err)
	b := s.Encode()
	hash := sha256.Sum256(b)
	m, err := client.OpenModelDir(filepath.Join(ts.MkAbs(args[0]), "models"))
	ts.Check(err)
	ts.Check(m.Append(hash, 0, b))
	ts.Check(m.Finish(hash))
	ts.Check(m.Promote(hash))
}

// charge DIR N adds N charges of ρ = 1/4 to DIR's ledger, each with its outbox row.
func charge(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	s, err := sqlite.Open(filepath.Join(ts.MkAbs(args[0]), "door.sqlite"))
	ts.Check(err)
	defer s.Close()
	ctx := context.Background()
	l, err := door.OpenLedger(ctx, s, privacy.Limits{})
	ts.Check(err)
	for range n {
		seq, head := l.Head()
		e := privacy.Entry{Seq: seq + 1, Kind: privacy.EntryCharge, Round: seq + 1, Units: 1 << 38, Cumulative: l.Spent() + 1<<38, Prev: head}
		row := door.OutboxRow{Key: []byte{byte(seq), 2}, At: 1_800_000_000 + int64(seq), Kind: "train", Purpose: "better recommendations", Bytes: 1000, Units: 1 << 38}
		if seq == 0 {
			row.Receipt = []byte("receipt")
		}
		ts.Check(s.Commit(ctx, door.Commit{Entry: e.Append(nil), Seq: e.Seq, Outbox: []door.OutboxRow{row}}))
		ts.Check(l.Apply(e))
		count(ts, args[0], e.Seq)
	}
}

// count writes the counter of DIR's ledger in the script's state folder, in the form of docs/spec/privacy.md 7.5.
func count(ts *testscript.TestScript, dir string, seq uint64) {
	key, err := identity.LoadKey(filepath.Join(ts.MkAbs(dir), "identity.key"))
	ts.Check(err)
	pub := key.Public().(ed25519.PublicKey)
	sum := sha256.Sum256(fmt.Appendf(nil, "cinesync/counter1\x00%s\x00%d", pub, seq))
	folder := filepath.Join(ts.Getenv("XDG_STATE_HOME"), "cinesync")
	ts.Check(os.MkdirAll(folder, 0o700))
	ts.Check(os.WriteFile(filepath.Join(folder, hex.EncodeToString(pub)+".counter"), fmt.Appendf(nil, "%d %x\n", seq, sum), 0o600))
}

// receipt DIR N leaves DIR with a receipt of round N, of a form that lists and exports look at.
func receipt(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	s, err := sqlite.Open(filepath.Join(ts.MkAbs(args[0]), "door.sqlite"))
	ts.Check(err)
	defer s.Close()
	said := &protocol.Receipt{Index: uint32(n), YHash: [32]byte(bytes.Repeat([]byte{byte(n)}, 32))}
	file, err := (&audit.ReceiptFile{Receipt: said.Append(nil), Trees: []audit.ReceiptTree{{}}}).Append(nil)
	ts.Check(err)
	ts.Check(s.Commit(context.Background(), door.Commit{Receipt: &door.Receipt{OpenHash: [32]byte{byte(n)}, Round: uint64(n), At: 1_800_000_000 + int64(n), File: file}}))
}

// config DIR FIELD VALUE changes device.json.
func config(ts *testscript.TestScript, _ bool, args []string) {
	path := filepath.Join(ts.MkAbs(args[0]), "device.json")
	fields := map[string]any{}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(path)), &fields))
	fields[args[1]] = args[2]
	b, err := json.Marshal(fields)
	ts.Check(err)
	ts.Check(os.WriteFile(path, b, 0o600))
}

// damage DIR flips a byte of every snapshot in DIR.
func damage(ts *testscript.TestScript, _ bool, args []string) {
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*.snapshot"))
	ts.Check(err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		ts.Check(err)
		b[len(b)/2] ^= 1
		ts.Check(os.WriteFile(f, b, 0o600))
	}
}

// signed DIR N leaves DIR as a check-in does in which the coordinator shows that this device signed ledger entry N.
func signed(ts *testscript.TestScript, _ bool, args []string) {
	s, err := sqlite.Open(filepath.Join(ts.MkAbs(args[0]), "door.sqlite"))
	ts.Check(err)
	defer s.Close()
	head := fmt.Sprintf(`{"Version":2,"TreeRoot":%q,"Shunned":%[1]q,"Signed":%s}`, base64.StdEncoding.EncodeToString(make([]byte, 32)), args[1])
	body := append(binary.BigEndian.AppendUint32(nil, uint32(len(head))), head...)
	sum := sha256.Sum256(body)
	ts.Check(s.Commit(context.Background(), door.Commit{SaveSession: true, Session: append(sum[:], body...)}))
}

// sql FILE STATEMENT changes a database.
func runSQL(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite3", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(args[1])
	ts.Check(err)
}
