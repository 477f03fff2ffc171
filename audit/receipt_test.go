package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/protocol"
)

// receiptRules reads a receipt of the tests' own, sid ‖ index ‖ y_hash ‖ signature, since messages are another package's.
func receiptRules() ReceiptRules {
	return ReceiptRules{
		CheckCert: testRules().CheckCert,
		OpenReceipt: func(cert, receipt []byte) (Receipted, error) {
			c, err := protocol.ParseCert(cert)
			if err != nil {
				return Receipted{}, err
			}
			if len(receipt) != 132 || !ed25519.Verify(c.IDPK[:], receipt[:68], receipt[68:]) {
				return Receipted{}, errors.New("the receipt's signature fails")
			}
			return Receipted{[32]byte(receipt[:32]), binary.BigEndian.Uint32(receipt[32:]), [32]byte(receipt[36:])}, nil
		},
	}
}

func receiptPins(p WitnessPolicy) ReceiptPins {
	return ReceiptPins{Authority: public(testKey(1)), Origin: testOrigin, LogKey: public(testKey(9)), Witnesses: p}
}

// kept is a round of two cohorts, and what the device with index 7 of cohort 1, leaf 2 of its five, keeps of it.
type kept struct {
	policy    WitnessPolicy
	survivors *Survivors
	closed    *RoundClose
	receipt   Receipted
	between   [][]byte // entries between Survivors and RoundClose
	spoil     func(*ReceiptFile)
}

func newKept() *kept {
	return &kept{policy: witnesses(3, 2), survivors: &Survivors{Open: h(1), Roster: h(2), Cohort: 1, SID: h(3), Count: 5}, between: [][]byte{[]byte("other")},
		closed:  &RoundClose{Open: h(1), Roster: h(2), Survivors: make([][32]byte, 2), SumHash: [][32]byte{h(0x60), h(0x61)}, ModelOut: h(0x70)},
		receipt: Receipted{SID: h(3), Index: 7, YHash: h(0x77)}}
}

func (k *kept) file(t testing.TB) *ReceiptFile {
	t.Helper()
	var leaves [][]byte
	for i := range uint32(5) {
		y := sha256.Sum256([]byte{byte(i)})
		if i == 2 {
			y = h(0x77)
		}
		leaves = append(leaves, append(binary.BigEndian.AppendUint32(nil, 5+i), y[:]...))
	}
	if k.survivors.InputsRoot == [32]byte{} {
		k.survivors.InputsRoot = MerkleRoot(leaves)
	}
	seal := func(r Record) []byte {
		e, err := Seal(testKey(7), r)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	sealed := seal(k.survivors)
	if k.closed.Survivors[1] == [32]byte{} {
		k.closed.Survivors[1] = LeafHash(sealed)
	}
	closing := seal(k.closed)
	l := NewLog()
	for _, e := range [][]byte{[]byte("a"), []byte("b"), sealed} {
		l.Append(e)
	}
	first := l.View(l.Size())
	for _, e := range append(k.between, closing) {
		l.Append(e)
	}
	last := l.View(l.Size())
	r := slices.Concat(k.receipt.SID[:], binary.BigEndian.AppendUint32(nil, k.receipt.Index), k.receipt.YHash[:])
	r = append(r, ed25519.Sign(testKey(7), r)...)
	f := &ReceiptFile{Coordinator: testCert(testKey(7)), Receipt: r, InputIndex: 2, InputProof: MerkleProof(leaves, 2),
		Trees:     []ReceiptTree{{Checkpoint: k.note(t, first)}, {Checkpoint: k.note(t, last), Consistency: must(last.Consistency(first.Size()))}},
		Survivors: ProvedEntry{Tree: 0, Index: 2, Entry: sealed, Proof: must(first.Inclusion(2))},
		Close:     ProvedEntry{Tree: 1, Index: last.Size() - 1, Entry: closing, Proof: must(last.Inclusion(last.Size() - 1))}}
	if k.spoil != nil {
		k.spoil(f)
	}
	return f
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (k *kept) note(t testing.TB, v View) []byte {
	t.Helper()
	msg, err := SignCheckpoint(testOrigin, testKey(9), v.Size(), v.Root())
	if err != nil {
		t.Fatal(err)
	}
	if k.policy.IsZero() {
		return msg
	}
	lines := [][]byte{cosigned(t, k.policy, 0, msg, testTime+v.Size()), cosigned(t, k.policy, 2, msg, testTime+9)}
	if msg, err = AddCosignatures(msg, lines, k.policy); err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestReceiptVerifies(t *testing.T) {
	k := newKept()
	f := k.file(t)
	b, err := f.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/receipt.golden", b)
	back, err := ParseReceiptFile(b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(f, back); d != "" {
		t.Errorf("read back (-want +got):\n%s", d)
	}
	want := ReceiptResult{Receipted: Receipted{h(3), 7, h(0x77)}, Open: h(1), Cohort: 1, Count: 5, SumHash: h(0x61), ModelOut: h(0x70), Size: 5,
		Witnesses: []string{"witness.example/w1", "witness.example/w3"}, Time: testTime + 5}
	got, err := back.Verify(receiptRules(), receiptPins(k.policy))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got, err = back.Verify(receiptRules(), receiptPins(WitnessPolicy{})); err != nil || got.Witnesses != nil || got.Time != 0 {
		t.Errorf("without a policy: %+v, %v", got, err)
	}
	plain := newKept()
	plain.policy = WitnessPolicy{}
	if _, err := plain.file(t).Verify(receiptRules(), receiptPins(WitnessPolicy{})); err != nil {
		t.Errorf("of a log without witnesses: %v", err)
	}
	if _, err := plain.file(t).Verify(receiptRules(), receiptPins(k.policy)); err == nil || !strings.Contains(err.Error(), "0 cosignatures") {
		t.Errorf("of a log without witnesses, with a policy: %v", err)
	}
}

func TestReceiptRefuses(t *testing.T) {
	file := func(f func(*ReceiptFile)) func(*kept) { return func(k *kept) { k.spoil = f } }
	for _, tt := range []struct {
		name, want string
		edit       func(*kept)
	}{
		{"another authority's certificate", "certificate", file(func(f *ReceiptFile) { f.Coordinator[5] ^= 1 })},
		{"a changed receipt", "signature", file(func(f *ReceiptFile) { f.Receipt[40] ^= 1 })},
		{"another session's receipt", "the receipt is of session", func(k *kept) { k.receipt.SID[0] ^= 1 }},
		{"another vector's receipt", "not among the 5", func(k *kept) { k.receipt.YHash[0] ^= 1 }},
		{"another member's receipt", "not among the 5", func(k *kept) { k.receipt.Index = 8 }},
		{"another leaf", "not among the 5", file(func(f *ReceiptFile) { f.InputIndex = 1 })},
		{"a leaf beyond the survivors", "not among the 5", file(func(f *ReceiptFile) { f.InputIndex = 5 })},
		{"a huge leaf", "not among the 5", file(func(f *ReceiptFile) { f.InputIndex = 1<<32 - 1 })},
		{"no path", "not among the 5", file(func(f *ReceiptFile) { f.InputProof = nil })},
		{"another round's close", "of another round", func(k *kept) { k.closed.Open[0] ^= 1 }},
		{"another roster's close", "of another round", func(k *kept) { k.closed.Roster[0] ^= 1 }},
		{"a close of other survivors", "does not name", func(k *kept) { k.closed.Survivors[1] = h(9) }},
		{"survivors of a cohort that was not closed", "does not name", func(k *kept) { k.survivors.Cohort = 2 }},
		{"survivors of a huge cohort", "does not name", func(k *kept) { k.survivors.Cohort = 1<<32 - 1 }},
		{"entries in each other's place", "stands where the Survivors belong", file(func(f *ReceiptFile) { f.Survivors, f.Close = f.Close, f.Survivors })},
		{"two survivors", "stands where the RoundClose belongs", file(func(f *ReceiptFile) { f.Close = f.Survivors })},
		{"a changed entry", "signature", file(func(f *ReceiptFile) { f.Close.Entry[30] ^= 1 })},
		{"an entry in another place", "the RoundClose: check inclusion", file(func(f *ReceiptFile) { f.Close.Index-- })},
		{"an entry's path of another tree", "the Survivors: check inclusion", file(func(f *ReceiptFile) { f.Survivors.Tree = 1 })},
		{"a tree that is not there", "tree 2 of 2", file(func(f *ReceiptFile) { f.Close.Tree = 2 })},
		{"no tree", "no checkpoint", file(func(f *ReceiptFile) { f.Trees = nil })},
		{"a checkpoint below the quorum", "the quorum is 2", file(func(f *ReceiptFile) {
			lines := bytes.SplitAfter(f.Trees[1].Checkpoint, []byte("\n"))
			f.Trees[1].Checkpoint = bytes.Join(lines[:6], nil)
		})},
		{"a fork", "checkpoint 1", file(func(f *ReceiptFile) { f.Trees[1].Consistency[0][0] ^= 1 })},
		{"no consistency", "checkpoint 1", file(func(f *ReceiptFile) { f.Trees[1].Consistency = nil })},
		{"a shrinking log", "checkpoint 1", file(func(f *ReceiptFile) {
			f.Trees[0].Checkpoint, f.Trees[1].Checkpoint = f.Trees[1].Checkpoint, f.Trees[0].Checkpoint
		})},
		{"a proof from nowhere", "none before it", file(func(f *ReceiptFile) { f.Trees[0].Consistency = [][32]byte{h(1)} })},
	} {
		k := newKept()
		tt.edit(k)
		if _, err := k.file(t).Verify(receiptRules(), receiptPins(k.policy)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q in it", tt.name, err, tt.want)
		}
	}
	for name, edit := range map[string]func(*ReceiptPins){
		"another authority": func(p *ReceiptPins) { p.Authority = public(testKey(2)) },
		"another origin":    func(p *ReceiptPins) { p.Origin = "other.example" },
		"another log key":   func(p *ReceiptPins) { p.LogKey = public(testKey(2)) },
		"another policy":    func(p *ReceiptPins) { p.Witnesses = WitnessPolicy{p.Witnesses.Witnesses[:2], 2} },
	} {
		pins := receiptPins(newKept().policy)
		edit(&pins)
		if _, err := newKept().file(t).Verify(receiptRules(), pins); err == nil {
			t.Errorf("%s: verified", name)
		}
	}
}

// TestReceiptRefusesEveryChangedByte changes each byte of a whole file.
func TestReceiptRefusesEveryChangedByte(t *testing.T) {
	k := newKept()
	b, err := k.file(t).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		bad := bytes.Clone(b)
		bad[i] ^= 1
		f, err := ParseReceiptFile(bad)
		if err == nil {
			_, err = f.Verify(receiptRules(), receiptPins(k.policy))
		}
		if err == nil {
			t.Fatalf("byte %d of %d changed, and it verifies", i, len(b))
		}
	}
}

func TestReceiptFileLimits(t *testing.T) {
	for name, edit := range map[string]func(*ReceiptFile){
		"a long certificate": func(f *ReceiptFile) { f.Coordinator = make([]byte, 4097) },
		"a long receipt":     func(f *ReceiptFile) { f.Receipt = make([]byte, 4097) },
		"a long checkpoint":  func(f *ReceiptFile) { f.Trees[0].Checkpoint = make([]byte, MaxCheckpoint+1) },
		"a long entry":       func(f *ReceiptFile) { f.Close.Entry = make([]byte, MaxEntry+1) },
		"a long path":        func(f *ReceiptFile) { f.InputProof = make([][32]byte, 65) },
		"no tree":            func(f *ReceiptFile) { f.Trees = nil },
		"too many trees":     func(f *ReceiptFile) { f.Trees = make([]ReceiptTree, MaxReceiptTrees+1) },
	} {
		f := newKept().file(t)
		edit(f)
		if _, err := f.Append(nil); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	b := must(newKept().file(t).Append([]byte("prefix")))
	if !bytes.HasPrefix(b, []byte("prefixcinesync receipt 1\n")) {
		t.Errorf("the file begins with %q", b[:30])
	}
	for name, bad := range map[string][]byte{"nothing": nil, "a title": []byte(receiptTitle), "another title": b, "a further byte": append(b[6:len(b):len(b)], 0),
		"cut": b[6 : len(b)-1], "a flood": make([]byte, MaxReceiptFile+1)} {
		if _, err := ParseReceiptFile(bad); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

func FuzzParseReceiptFile(f *testing.F) {
	k := newKept()
	f.Add(must(k.file(f).Append(nil)))
	k = newKept()
	k.policy = WitnessPolicy{}
	f.Add(must(k.file(f).Append(nil)))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := ParseReceiptFile(b)
		if err != nil {
			return
		}
		if again, err := file.Append(nil); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("accepted %x, which is written %x (%v)", b, again, err)
		}
		rules := receiptRules()
		rules.CheckCert = func([]byte, []byte) (Coordinator, error) { return Coordinator{Key: [32]byte(public(testKey(7)))}, nil }
		_, _ = file.Verify(rules, receiptPins(k.policy)) // no panic, whatever it holds
	})
}
