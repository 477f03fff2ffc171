package aggregation

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/big"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestSpecificationsExamples computes the worked examples of the specification again (its section 21): a block names what it is an
// example of, gives inputs, and behind "gives" what follows from them, line by line.
func TestSpecificationsExamples(t *testing.T) {
	text, err := os.ReadFile("../docs/spec/secure-aggregation.md")
	if err != nil {
		t.Fatal(err)
	}
	compute := map[string]func(in given) []string{"keys": exampleKeys, "masks": exampleMasks, "vectors": exampleVectors, "box": exampleBox,
		"shares": exampleShares, "seed": exampleSeed, "ring": exampleRing, "X-Wing": exampleXWing, "degrees": exampleDegrees, "packing": examplePacking}
	var seen []string
	for _, block := range strings.Split(string(text), "```text\nexample ")[1:] {
		block, _, closed := strings.Cut(block, "\n```")
		name, block, _ := strings.Cut(block, "\n")
		inputs, outputs, ok := strings.Cut(block, "\ngives\n")
		if !closed || !ok || compute[name] == nil {
			t.Fatalf("example %q: not closed, without outputs, or unknown here", name)
		}
		seen = append(seen, name)
		t.Run(name, func(t *testing.T) {
			want := compute[name](given{t, inputs})
			if got := strings.Split(outputs, "\n"); !slices.Equal(got, want) {
				t.Errorf("the specification says\n%s\nthe code gives\n%s", outputs, strings.Join(want, "\n"))
			}
		})
	}
	if want := slices.Sorted(maps.Keys(compute)); !slices.Equal(slices.Sorted(slices.Values(seen)), want) {
		t.Errorf("examples %v, want each of %v once", seen, want)
	}
}

// given is the inputs of an example, lines "name = value".
type given struct {
	t    *testing.T
	text string
}

func (in given) value(name string) string {
	in.t.Helper()
	for line := range strings.Lines(in.text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), " = "); ok && key == name {
			return value
		}
	}
	in.t.Fatalf("no input %q", name)
	return ""
}

func (in given) bytes(name string, size int) []byte {
	in.t.Helper()
	b, err := hex.DecodeString(in.value(name))
	if err != nil || len(b) != size {
		in.t.Fatalf("input %q: %d bytes, %v; want %d", name, len(b), err, size)
	}
	return b
}

func (in given) key(name string) [32]byte { in.t.Helper(); return [32]byte(in.bytes(name, 32)) }

func (in given) number(name string) int {
	in.t.Helper()
	v, err := strconv.Atoi(in.value(name))
	in.must(err)
	return v
}

func (in given) must(err error) {
	in.t.Helper()
	if err != nil {
		in.t.Fatal(err)
	}
}

// secrets are those of member i or j; what an example does not need is anything but zero.
func (in given) secrets(who string) *Secrets {
	s := &Secrets{m: [32]byte{1}, b: [32]byte{1}, e: [32]byte{1}, f: [32]byte{1}}
	for name, to := range map[string]*[32]byte{"m": &s.m, "b": &s.b, "e": &s.e, "f": &s.f} {
		if strings.Contains("\n"+in.text, "\n"+name+"_"+who+" = ") {
			*to = in.key(name + "_" + who)
		}
	}
	return s
}

func line(name string, value []byte) string { return name + " = " + hex.EncodeToString(value) }

func line32(name string, value [32]byte) string { return line(name, value[:]) }

// exampleKeys is the key schedule of section 7 in kex 1.
func exampleKeys(in given) []string {
	open, roster := in.key("open_hash"), in.key("roster_hash")
	si, sj := in.secrets("i"), in.secrets("j")
	pi, err := si.Public(open, KexX25519)
	in.must(err)
	pj, err := sj.Public(open, KexX25519)
	in.must(err)
	i, j := uint32(in.number("i")), uint32(in.number("j"))
	seed := GraphSeed(open, roster)
	sid := SessionID(open, roster, seed, uint32(in.number("cohort")))
	agreed, err := agree(maskSecret(si.m, open), pj.SPK)
	in.must(err)
	boxed, err := agree(si.e, pj.EPK)
	in.must(err)
	out := []string{line32("s_i", maskSecret(si.m, open)), line32("spk_i", pi.SPK), line32("epk_i", pi.EPK), line32("bc_i", pi.BC),
		line32("spk_j", pj.SPK), line32("epk_j", pj.EPK), line32("graph_seed", seed), line32("sid", sid), line32("X25519(s_i, spk_j)", agreed)}
	for _, prg := range []uint16{PRGAES128, PRGAES256} {
		session := Session{Suite: Suite{KexX25519, prg, 32}, OpenHash: open, SID: sid}
		length := session.Suite.keySize()
		pair, err := newMaskSecrets(KexX25519, sj.m, open).pairKey(session, j, PeerKey{Index: i, SPK: pi.SPK}) // from the other end
		in.must(err)
		self := SelfMask(session, si.b)
		out = append(out, line(fmt.Sprintf("K_ij, L = %d", length), pair[:length]), line(fmt.Sprintf("K_i, L = %d", length), self.Key[:length]))
	}
	return append(out, line("box key i to j", kdf(boxed[:], "share", pairContext(sid, i, j), 16)))
}

// exampleMasks is the first words of a mask, for every generator and word.
func exampleMasks(in given) []string {
	var out []string
	for _, prg := range []uint16{PRGAES128, PRGAES256, PRGChaCha20} {
		for _, bits := range []uint16{32, 24, 16} {
			term := Term{}
			copy(term.Key[:], in.bytes("K of "+strconv.Itoa(Suite{PRG: prg}.keySize()), Suite{PRG: prg}.keySize()))
			v := make([]uint32, 4)
			NewMasker(Suite{KexX25519, prg, bits}, []Term{term}).Add(v, 0)
			out = append(out, fmt.Sprintf("prg %d, w = %d: %d %d %d %d", prg, bits, v[0], v[1], v[2], v[3]))
		}
	}
	return out
}

// exampleVectors masks two vectors of members who are each other's neighbours, and takes the masks off their sum.
func exampleVectors(in given) []string {
	open, sid := in.key("open_hash"), in.key("sid")
	session := Session{Suite: Suite{KexX25519, uint16(in.number("prg")), uint16(in.number("w"))}, OpenHash: open, SID: sid}
	i, j := uint32(in.number("i")), uint32(in.number("j"))
	var out []string
	sum := make([]uint32, 4)
	for _, who := range []struct {
		name, peer string
		own, other uint32
	}{{"i", "j", i, j}, {"j", "i", j, i}} {
		s := in.secrets(who.name)
		public, err := in.secrets(who.peer).Public(open, KexX25519)
		in.must(err)
		var x []uint32
		for word := range strings.FieldsSeq(in.value("x_" + who.name)) {
			v, err := strconv.Atoi(word)
			in.must(err)
			x = append(x, uint32(int32(v)))
		}
		in.must(s.Mask(x, session, who.own, []PeerKey{{Index: who.other, SPK: public.SPK}}))
		y := AppendWords(nil, x, session.Suite.WordBits)
		out = append(out, line("y_"+who.name, y))
		in.must(AddWords(sum, y, session.Suite.WordBits))
		self := SelfMask(session, s.b)
		off := make([]uint32, 4)
		NewMasker(session.Suite, []Term{self}).Add(off, 0)
		Sub(sum, off)
	}
	return append(out, "sum = "+strings.Trim(fmt.Sprint(Signed(sum, session.Suite.WordBits)), "[]"))
}

// exampleBox seals two shares.
func exampleBox(in given) []string {
	si, sj := in.secrets("i"), in.secrets("j")
	session := Session{Suite: Suite{KexX25519, PRGAES128, 32}, SID: in.key("sid")}
	i, j := uint32(in.number("i")), uint32(in.number("j"))
	box, _, err := si.Seal(session, i, PeerKey{Index: j, EPK: publicKey(sj.e)}, in.key("share of m_i"), in.key("share of b_i"), nil)
	in.must(err)
	m, _, err := sj.Open(session, j, PeerKey{Index: i, EPK: publicKey(si.e)}, box, nil)
	in.must(err)
	if m != in.key("share of m_i") {
		in.t.Error("the box holds another share")
	}
	return []string{line("c_ij", box[:])}
}

// exampleShares shares a secret by a known polynomial.
func exampleShares(in given) []string {
	secret, one, two := in.key("c_0"), in.key("c_1"), in.key("c_2")
	xs := []uint32{1, 2, 5, 8}
	shares, err := splitOne(secret, 3, xs, bytes.NewReader(slices.Concat(one[:], two[:])))
	in.must(err)
	back, err := Recover(3, xs[1:], shares[1:])
	in.must(err)
	if back != secret {
		in.t.Error("the shares do not give the secret back")
	}
	var out []string
	for i, x := range xs {
		out = append(out, line(fmt.Sprintf("f(%d)", x), shares[i][:]))
	}
	return out
}

// exampleSeed is a cosigned seed.
func exampleSeed(in given) []string {
	one, two := in.bytes("cosig_1", CosignatureSize), in.bytes("cosig_2", CosignatureSize)
	return []string{line32("graph_seed", GraphSeed(in.key("open_hash"), in.key("roster_hash"), one, two))}
}

// exampleRing draws the ring of eight.
func exampleRing(in given) []string {
	seed, n := in.key("graph_seed"), in.number("n")
	key := kdf(seed[:], "perm", nil, 32)
	out := []string{line("key", key), fmt.Sprintf("x_0 = %d", newBelow(key).word())}
	ring := func(cohorts, k int) *Ring {
		r, err := NewRing(n, cohorts, k, seed)
		in.must(err)
		return r
	}
	whole, complete, halves := ring(1, 4), ring(1, 7), ring(2, 3)
	out = append(out, "p = "+list(whole.at))
	for _, i := range []int{0, 3} {
		out = append(out, fmt.Sprintf("member %d: position %d, k = 4: %s, k = 7: %s", i, whole.Position(i), list(whole.Neighbours(i)), list(complete.Neighbours(i))),
			fmt.Sprintf("member %d of m = 2: cohort %d, position %d, k = 3: %s", i, halves.Cohort(i), halves.Position(i), list(halves.Neighbours(i))))
	}
	return out
}

func list(v []int) string { return strings.Trim(fmt.Sprint(v), "[]") }

// exampleXWing is the pair mask key of kex 2. Long values are given by their hash.
func exampleXWing(in given) []string {
	open, sid := in.key("open_hash"), in.key("sid")
	si, sj := in.secrets("i"), in.secrets("j")
	i, j := uint32(in.number("i")), uint32(in.number("j"))
	pi, err := si.Public(open, KexXWing)
	in.must(err)
	pj, err := sj.Public(open, KexXWing)
	in.must(err)
	session := Session{Suite: Suite{KexXWing, PRGAES128, 32}, OpenHash: open, SID: sid}
	ct, err := si.MaskCT(session, i, PeerKey{Index: j, KEM: pj.KEM})
	in.must(err)
	ss, _, err := maskCiphertext(si.m, sid, PeerKey{Index: j, KEM: pj.KEM})
	in.must(err)
	pair, err := newMaskSecrets(KexXWing, sj.m, open).pairKey(session, j, PeerKey{Index: i, SPK: pi.SPK, KEM: pi.KEM, MaskCT: ct})
	in.must(err)
	return []string{line32("H(kem_i)", sha256.Sum256(pi.KEM)), line32("H(kem_j)", sha256.Sum256(pj.KEM)), line("first 16 bytes of kem_i", pi.KEM[:16]),
		line("first 16 bytes of the ciphertext", ct[:16]), line32("H(ciphertext)", sha256.Sum256(ct)), line32("ss_ij", ss), line("K_ij, L = 16", pair[:16])}
}

// exampleDegrees searches k and t. The columns are those of its inputs' first line.
func exampleDegrees(in given) []string {
	var out []string
	for row := range strings.Lines(in.text) {
		var n, gamma, delta, lambda, cohorts int
		var mode string
		if _, err := fmt.Sscanf(row, "n %d, γ %d, δ %d, λ %d, mode %s m %d", &n, &gamma, &delta, &lambda, &mode, &cohorts); err != nil {
			in.t.Fatalf("%q: %v", row, err)
		}
		p := GraphParams{N: n, GammaBP: gamma, DeltaBP: delta, Lambda: lambda, Eta: 20, Cohorts: cohorts,
			Mode: map[string]Mode{"W,": ModeW, "SM,": ModeSM, "SH,": ModeSH}[mode]}
		d, err := FindDegree(p)
		in.must(err)
		in.must(CheckDegree(p, d))
		corrupt, err := CohortCorrupt(p)
		in.must(err)
		bounds := "complete"
		if rings, err := Rings(p); err == nil && d.K < n/cohorts-1 {
			for r := range rings {
				if r.K == d.K {
					bounds = fmt.Sprintf("a %d, s %d, connected %v", r.Corrupt, r.Surviving, r.Connected)
				}
			}
		}
		out = append(out, fmt.Sprintf("k %d, t %d, A_c %d, %s", d.K, d.T, corrupt, bounds))
	}
	return out
}

// examplePacking holds the bound of 6.5 at its edge.
func examplePacking(in given) []string {
	var out []string
	for row := range strings.Lines(in.text) {
		var bits, n, x, c, d int
		var sigma string
		if _, err := fmt.Sscanf(row, "w %d, n_c %d, x_max %d, C_int %d, d %d, σ_tot² %s", &bits, &n, &x, &c, &d, &sigma); err != nil {
			in.t.Fatalf("%q: %v", row, err)
		}
		v, ok := new(big.Int).SetString(sigma, 10)
		if !ok || !v.IsUint64() {
			in.t.Fatalf("%q: no variance", row)
		}
		g := Grid{C: 1, CInt: uint32(c), XMax: uint32(x), D: d, WordBits: uint16(bits)}
		verdict := "ok"
		if g.Validate(n, v.Uint64()) != nil {
			verdict = "refuse"
		}
		out = append(out, fmt.Sprintf("%d of %d: %s", uint64(n)*uint64(x)+6*ceilSqrt(v.Uint64()), uint64(1)<<(bits-1), verdict))
	}
	return out
}
