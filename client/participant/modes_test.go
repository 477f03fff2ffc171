package participant

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// kind is what rounds differ in.
type kind struct {
	mode          aggregation.Mode
	kex, prg, sig uint16
	wordBits      uint16
	cohorts       uint32
	witnesses     int
}

func kinds() []kind {
	w, sm, sh := aggregation.ModeW, aggregation.ModeSM, aggregation.ModeSH
	out := []kind{{w, 1, 1, 1, 32, 1, 1}, {w, 2, 1, 2, 32, 1, 3}, {w, 1, 2, 1, 24, 1, 3}, {w, 2, 3, 1, 16, 1, 3}, {w, 1, 1, 1, 32, 3, 3}, {w, 2, 2, 2, 16, 2, 3},
		{sm, 2, 2, 1, 32, 1, 0}, {sm, 1, 3, 2, 16, 1, 3}, {sm, 1, 1, 1, 32, 3, 0}, {sh, 2, 1, 1, 32, 1, 0}, {sh, 1, 1, 1, 24, 2, 0}}
	for _, mode := range []aggregation.Mode{sm, sh} {
		for _, sig := range []uint16{protocol.SigEd25519, protocol.SigHybrid} {
			for _, witnesses := range []int{0, 3} {
				out = append(out, kind{mode, 1, 1, sig, 32, 1, witnesses})
			}
		}
	}
	return out
}

// round is the coordinator of such rounds, of so many members in each cohort.
func (k kind) round(t testing.TB, n int) *honest {
	h := newHonest(t, n*int(k.cohorts))
	h.mode, h.kex, h.prg, h.sig, h.wordBits, h.cohorts = k.mode, k.kex, k.prg, k.sig, k.wordBits, k.cohorts
	if k.witnesses > 0 {
		h.witness(k.witnesses, (k.witnesses+1)/2)
	}
	return h
}

// TestRoundsOfEveryKindAreCounted also restarts the device before every step, and wants the same bytes. One kind of each mode has
// rings in place of complete graphs too.
func TestRoundsOfEveryKindAreCounted(t *testing.T) {
	rings := map[aggregation.Mode]bool{}
	for _, k := range kinds() {
		t.Run(fmt.Sprintf("%+v", k), func(t *testing.T) {
			sizes := []int{8}
			if !rings[k.mode] {
				rings[k.mode], sizes = true, []int{8, 70}
			}
			for _, n := range sizes {
				var sent [2][]protocol.Message
				for i, reload := range []bool{false, true} {
					sent[i] = playKind(t, k.round(t, n), reload)
				}
				if !slices.EqualFunc(sent[0], sent[1], func(x, y protocol.Message) bool { return bytes.Equal(x.Append(nil), y.Append(nil)) }) {
					t.Errorf("%d members: the restarted device sent other bytes", n)
				}
			}
		})
	}
}

// secretsOf are the bytes that must be nowhere once a session is over, as they lie in memory and in the saved state.
func secretsOf(d *device) [][]byte {
	st := &d.machine.st
	out := [][]byte{bytes.Clone(st.Secrets)}
	for at := 0; at < len(st.Secrets); at += 32 {
		out = append(out, bytes.Clone(st.Secrets[at:at+32]))
	}
	for _, q := range st.Neighbours {
		if q.Masked {
			out = append(out, bytes.Clone(q.M[:]), bytes.Clone(q.B[:]))
		}
	}
	return out
}

func playKind(t *testing.T, h *honest, reload bool) []protocol.Message {
	t.Helper()
	d := newDevice(t, h)
	d.reload = reload
	if d.play(h, "roster"); d.refused != nil {
		t.Fatal(d.refused)
	}
	h.hooks.lost = h.ring.Neighbours(h.own)[:1]
	var secrets [][]byte
	var held []byte
	for _, s := range sequence(h)[slices.Index(stages, "delivery"):] {
		if s == "close" {
			checkMasks(t, h, d)
			secrets, held = secretsOf(d), d.machine.st.Secrets
			if !bytes.Contains(d.disk, secrets[len(secrets)-1]) {
				t.Error("the secrets are not where this test looks for them")
			}
		}
		d.step(h, d.event(h, s))
	}
	for i, secret := range secrets {
		if bytes.Contains(d.disk, secret) || !reload && bytes.Contains(held, secret) {
			t.Errorf("secret %d is still there after the round", i)
		}
	}
	if d.refused != nil || d.closed == nil || !d.closed.Counted || len(d.entries) != 1 {
		t.Fatalf("closed %+v, refused %v", d.closed, d.refused)
	}
	checkReveal(t, h, d, h.hooks.lost[0])
	checkReceipt(t, h, d)
	return d.sent
}

// checkMasks takes the device's masks off with what its neighbours know, and wants its noised vector.
func checkMasks(t *testing.T, h *honest, d *device) {
	t.Helper()
	in, shares := h.session(), lastOf[*protocol.Shares](d)
	var y []byte
	for _, c := range allOf[*protocol.Chunk](d) {
		y = append(y, c.Data...)
	}
	words := make([]uint32, h.d)
	if err := aggregation.DecodeWords(words, y, h.wordBits); err != nil {
		t.Fatal(err)
	}
	off := func(b [32]byte) {
		self := make([]uint32, h.d)
		aggregation.NewMasker(in.Suite, []aggregation.Term{aggregation.SelfMask(in, b)}).Add(self, 0)
		aggregation.Sub(words, self)
	}
	off(d.ownSecrets().B())
	made := 0
	for _, i := range h.ring.Neighbours(h.own) {
		own := h.peer(h.own)
		if h.kex == aggregation.KexXWing && h.own < i {
			own.MaskCT = shares.MaskCTs[made][:]
			made++
		}
		pair := make([]uint32, h.d)
		s := h.members[i].secrets
		if err := s.Mask(pair, in, uint32(i), []aggregation.PeerKey{own}); err != nil {
			t.Fatal(err)
		}
		aggregation.Add(words, pair)
		off(s.B())
	}
	for i := range words {
		if (words[i]-d.noised[i])<<(32-h.wordBits) != 0 {
			t.Fatalf("word %d is %d without its masks, and was %d", i, words[i], d.noised[i])
		}
	}
	if want := h.d * int(h.wordBits) / 8; len(y) != want || made != len(shares.MaskCTs) {
		t.Errorf("%d bytes, want %d; %d ciphertexts for masks, %d used", len(y), want, len(shares.MaskCTs), made)
	}
}

// sequence is the stages of this kind of round.
func sequence(h *honest) []string {
	if h.mode != aggregation.ModeSM {
		return stages
	}
	at := slices.Index(stages, "close")
	return slices.Insert(slices.Clone(stages), at, "confirmed")
}

// checkReceipt lets an auditor check what the device keeps.
func checkReceipt(t *testing.T, h *honest, d *device) {
	t.Helper()
	_, cert := h.cert("coordinator", protocol.ClassCoordinator)
	file := *d.closed.Receipt
	b := cert.Bytes()
	file.Coordinator = b[:]
	raw, err := file.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := audit.ParseReceiptFile(raw)
	if err != nil {
		t.Fatal(err)
	}
	pins := audit.ReceiptPins{Authority: public(h.authority), Origin: testOrigin, LogKey: public(h.logKey), Witnesses: h.policy}
	got, err := parsed.Verify(receiptRules(), pins)
	if err != nil {
		t.Fatal(err)
	}
	in := lastOf[*protocol.Input](d)
	if got.YHash != in.YHash || got.SID != in.SID || got.Open != h.openHash || int(got.Count) != h.count || len(got.Witnesses) != len(h.witnesses) {
		t.Errorf("the receipt proves %+v", got)
	}
	parsed.InputIndex++
	if _, err := parsed.Verify(receiptRules(), pins); err == nil {
		t.Error("a receipt for another place verifies")
	}
}

func receiptRules() audit.ReceiptRules {
	return audit.ReceiptRules{
		CheckCert: func(authority, cert []byte) (audit.Coordinator, error) {
			c, err := protocol.ParseCert(cert)
			if err == nil {
				err = c.Verify(authority, c.NotBefore, protocol.ClassCoordinator)
			}
			return audit.Coordinator{Key: c.IDPK, NotBefore: c.NotBefore, NotAfter: c.NotAfter}, err
		},
		OpenReceipt: func(cert, receipt []byte) (audit.Receipted, error) {
			c, err := protocol.ParseCert(cert)
			m, err2 := protocol.Parse(protocol.TypeReceipt, receipt)
			if err := errors.Join(err, err2); err != nil {
				return audit.Receipted{}, err
			}
			r := m.(*protocol.Receipt)
			r.SigPQ = nil // an auditor has not pinned the key of the second signature, which the device checked
			return audit.Receipted{SID: r.SID, Index: r.Index, YHash: r.YHash}, r.Verify(protocol.Verifier{Ed: c.IDPK[:]})
		},
	}
}

// TestReceiptLeadsThroughEveryHeadThatWasShown grows the log between survivors and close, and shows it.
func TestReceiptLeadsThroughEveryHeadThatWasShown(t *testing.T) {
	for heads, whole := range map[int]bool{1: true, audit.MaxReceiptTrees - 2: true, audit.MaxReceiptTrees: false} {
		h := newHonest(t, 8)
		d := newDevice(t, h)
		d.play(h, "survivors")
		for range heads {
			h.seal(&audit.BudgetExhausted{})
			d.step(h, Event{Msg: &protocol.Welcome{Evidence: h.prove()}})
			d.step(h, Event{Msg: &protocol.Welcome{Evidence: h.prove()}}) // the same again
			d.boot()
		}
		d.step(h, d.event(h, "close"))
		if d.closed == nil || !d.closed.Counted || (d.closed.Receipt != nil) != whole {
			t.Fatalf("%d heads: closed %+v, refused %v", heads, d.closed, d.refused)
		}
		if whole {
			checkReceipt(t, h, d)
		}
	}
}

// TestLostReceiptLeavesNone: the vector counts, and the coordinator's signed word on it never came.
func TestLostReceiptLeavesNone(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	d.play(h, "state")
	h.receipt(lastOf[*protocol.Input](d))
	d.step(h, d.event(h, "survivors"))
	d.step(h, d.event(h, "close"))
	if d.closed == nil || !d.closed.Counted || d.closed.Receipt != nil {
		t.Errorf("closed %+v, refused %v", d.closed, d.refused)
	}
}

// TestAnswerWaitsForTheNeighbours is mode SM: the confirmation goes out at once, the answer only with theirs, and both again when
// they are asked for again.
func TestAnswerWaitsForTheNeighbours(t *testing.T) {
	h := newHonest(t, 8)
	h.mode = aggregation.ModeSM
	d := newDevice(t, h)
	d.play(h, "receipt")
	survivors := h.survivors()
	if out := d.step(h, Event{Msg: survivors}); !out.Sync {
		t.Error("the confirmation may be forgotten in a power cut")
	}
	survivors.Evidence.Consistency = nil // the tree is the one already seen
	want := lastOf[*protocol.Confirm](d).Append(nil)
	for range 2 {
		d.boot()
		out := d.step(h, Event{Msg: survivors})
		if len(out.Send) != 1 || !bytes.Equal(out.Send[0].Append(nil), want) {
			t.Fatalf("asked again, it sends %v", out.Send)
		}
	}
	if n := len(allOf[*protocol.Reveal](d)); n != 0 {
		t.Fatalf("%d answers before anybody confirmed", n)
	}
	confirmed := h.confirmed(lastOf[*protocol.Confirm](d))
	confirmed.Confirms = confirmed.Confirms[2 : 2+h.degree.T-1] // with its own: just enough in the complete graph
	if out := d.step(h, Event{Msg: confirmed}); !out.Sync || len(out.Send) != 1 {
		t.Fatalf("%+v, refused %v", out, d.refused)
	}
	answer := lastOf[*protocol.Reveal](d).Append(nil)
	d.boot()
	for _, m := range []protocol.Message{confirmed, survivors} {
		out := d.step(h, Event{Msg: m})
		if len(out.Send) != 1 || !bytes.Equal(out.Send[0].Append(nil), answer) {
			t.Errorf("after %T it sends %v", m, out.Send)
		}
	}
	d.step(h, d.event(h, "close"))
	if d.closed == nil || !d.closed.Counted {
		t.Errorf("closed %+v, refused %v", d.closed, d.refused)
	}
}

// TestRoundThatClosesWhileConfirmingCounts: the others' answers were enough.
func TestRoundThatClosesWhileConfirmingCounts(t *testing.T) {
	h := newHonest(t, 8)
	h.mode = aggregation.ModeSM
	d := newDevice(t, h)
	d.play(h, "survivors")
	d.refused = nil
	d.boot()
	d.step(h, d.event(h, "close"))
	if d.closed == nil || !d.closed.Counted {
		t.Errorf("closed %+v, refused %v", d.closed, d.refused)
	}
	if diff := cmp.Diff(append(sentBefore("survivors"), "confirm"), d.types()); diff != "" {
		t.Error(diff)
	}
}

// TestWitnessesMayTakeTurns: each head is signed by another two of the three, whose clocks differ.
func TestWitnessesMayTakeTurns(t *testing.T) {
	h := newHonest(t, 8)
	h.witness(3, 2)
	h.clocks[1], h.clocks[2] = -5e9, 7e9
	turn := 0
	h.hooks.note = func(note []byte) []byte {
		lines := bytes.SplitAfter(note, []byte("\n"))
		turn++
		return bytes.Join(slices.Delete(lines, 5+turn%3, 6+turn%3), nil)
	}
	d := newDevice(t, h)
	for range 3 {
		if d.play(h, "close"); d.refused != nil || d.closed == nil || !d.closed.Counted {
			t.Fatalf("refused %v", d.refused)
		}
	}
	if d.machine.st.Cosigned != uint64(h.now.Unix()) {
		t.Errorf("the device's time is %d", d.machine.st.Cosigned)
	}
}
