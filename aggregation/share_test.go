package aggregation

import (
	"bytes"
	"errors"
	"math/bits"
	"slices"
	"testing"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/secretsharing"
	"pgregory.net/rapid"
)

func pick[T any](from []T, set uint) (out []T) {
	for i, v := range from {
		if set>>i&1 == 1 {
			out = append(out, v)
		}
	}
	return out
}

// TestAnyThresholdOfSharesRebuilds goes through every subset of the holders: t and more rebuild both secrets, fewer do not,
// whatever threshold the caller claims.
func TestAnyThresholdOfSharesRebuilds(t *testing.T) {
	xs := []uint32{4, 1, 9, 70, 3, 1 << 31}
	s := newSecrets(t, "shared")
	for threshold := 1; threshold <= len(xs); threshold++ {
		m, b, err := s.Split(threshold, xs, source("polynomials"))
		if err != nil {
			t.Fatal(err)
		}
		for set := range uint(1) << len(xs) {
			n := bits.OnesCount(set)
			for secret, shares := range map[[32]byte][]Share{s.m: m, s.b: b} {
				got, err := Recover(threshold, pick(xs, set), pick(shares, set))
				if n >= threshold && (err != nil || got != secret) {
					t.Fatalf("t = %d, holders %b: %v", threshold, set, err)
				}
				if n < threshold && err == nil {
					t.Fatalf("t = %d, holders %b: no error", threshold, set)
				}
				if n > 0 && n < threshold {
					if got, err := Recover(n, pick(xs, set), pick(shares, set)); err != nil || got == secret {
						t.Fatalf("t = %d, holders %b: rebuilt by fewer (%v)", threshold, set, err)
					}
				}
			}
		}
	}
}

// TestTooFewSharesFitEverySecret: for t−1 shares and any secret at all there is one more share with which that secret comes
// out. So they say nothing.
func TestTooFewSharesFitEverySecret(t *testing.T) {
	s, other := newSecrets(t, "shared"), newSecrets(t, "another")
	xs := []uint32{1, 2, 3, 4}
	m, _, err := s.Split(4, xs, source("polynomials"))
	if err != nil {
		t.Fatal(err)
	}
	// The polynomial through (0, other) and the first three shares, evaluated at 4: w_i of Lagrange at 0, solved for y_4.
	weights := lagrangeAtZero(xs)
	rest, err := parseScalar(other.m)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		y, err := parseScalar(m[i])
		if err != nil {
			t.Fatal(err)
		}
		rest.Sub(rest, y.Mul(y, weights[i]))
	}
	forged := Share(scalarBytes(rest.Mul(rest, group.Ristretto255.NewScalar().Inv(weights[3]))))
	if got, err := Recover(4, xs, []Share{m[0], m[1], m[2], forged}); err != nil || got != other.m {
		t.Fatalf("the three shares do not fit another secret (%v)", err)
	}
}

func TestSharingEqualsCircl(t *testing.T) {
	s := newSecrets(t, "shared")
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "n")
		threshold := rapid.IntRange(1, n).Draw(t, "t")
		xs := rapid.SliceOfNDistinct(rapid.Uint32Min(1), n, n, rapid.ID[uint32]).Draw(t, "xs")
		m, _, err := s.Split(threshold, xs, source("polynomials"))
		if err != nil {
			t.Fatal(err)
		}
		ours := make([]secretsharing.Share, n)
		for i := range xs {
			v, err := parseScalar(m[i])
			if err != nil {
				t.Fatal(err)
			}
			ours[i] = secretsharing.Share{ID: group.Ristretto255.NewScalar().SetUint64(uint64(xs[i])), Value: v}
		}
		got, err := secretsharing.Recover(uint(threshold-1), ours) // its t is ours minus one
		if err != nil || !bytes.Equal(scalarBytes(got), s.m[:]) {
			t.Fatalf("circl rebuilds another secret from our shares (%v)", err)
		}
		secret, err := parseScalar(s.b)
		if err != nil {
			t.Fatal(err)
		}
		theirs := secretsharing.New(source("circl"), uint(threshold-1), secret)
		shares := make([]Share, n)
		for i := range xs {
			shares[i] = Share(scalarBytes(theirs.ShareWithID(ours[i].ID).Value))
		}
		if got, err := Recover(threshold, xs, shares); err != nil || got != s.b {
			t.Fatalf("we rebuild another secret from circl's shares (%v)", err)
		}
	})
}

func TestWrongShareSpoilsTheSecretAndIsNotLeftOut(t *testing.T) {
	s, xs := newSecrets(t, "shared"), []uint32{1, 2, 3, 4, 5}
	m, b, err := s.Split(3, xs, source("polynomials"))
	if err != nil {
		t.Fatal(err)
	}
	for at := range xs {
		shares := slices.Clone(m)
		shares[at] = b[at]
		got, err := Recover(3, xs, shares)
		if err != nil || got == s.m {
			t.Errorf("share %d replaced: the secret is the same (%v)", at, err)
		}
		public, err := s.Public(id("open"), KexX25519)
		if err != nil {
			t.Fatal(err)
		}
		if CheckM(KexX25519, got, id("open"), public.SPK, nil) || CheckB(got, id("open"), public.BC) {
			t.Errorf("share %d replaced: the wrong secret passes its check", at)
		}
	}
}

func TestBadSharesAreRefusedWithoutPanic(t *testing.T) {
	s, xs := newSecrets(t, "shared"), []uint32{1, 2, 3}
	m, _, err := s.Split(2, xs, source("polynomials"))
	if err != nil {
		t.Fatal(err)
	}
	top := Share(bytes.Repeat([]byte{0xff}, 32))
	for name, c := range map[string]struct {
		t      int
		xs     []uint32
		shares []Share
		is     error
	}{
		"nothing":              {1, nil, nil, nil},
		"below the threshold":  {4, xs, m, nil},
		"threshold 0":          {0, xs, m, nil},
		"negative threshold":   {-1, xs, m, nil},
		"more x than shares":   {2, xs, m[:2], nil},
		"more shares than x":   {2, xs[:2], m, nil},
		"duplicate x":          {2, []uint32{1, 2, 1}, m, errDuplicateX},
		"same share twice":     {2, []uint32{1, 1}, []Share{m[0], m[0]}, errDuplicateX},
		"x = 0":                {2, []uint32{1, 0, 3}, m, errZeroX},
		"share is the order":   {2, xs, []Share{m[0], Share(unhex(t, order)), m[2]}, errScalar},
		"share above":          {2, xs, []Share{m[0], m[1], top}, errScalar},
		"share with high bits": {2, xs, []Share{m[0], highBit(m[1]), m[2]}, errScalar},
	} {
		if errors.Is(c.is, errScalar) != slices.ContainsFunc(c.shares, func(s Share) bool { return CheckShare(s) != nil }) {
			t.Errorf("%s: CheckShare disagrees", name)
		}
		got, err := Recover(c.t, c.xs, c.shares)
		if err == nil || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v", name, err)
		}
		if got != [32]byte{} {
			t.Errorf("%s: a secret beside the error", name)
		}
	}
}

func highBit(s Share) Share { s[31] |= 0x80; return s }

func TestSplitRefuses(t *testing.T) {
	s := newSecrets(t, "shared")
	for name, c := range map[string]struct {
		t      int
		xs     []uint32
		random []byte
	}{
		"threshold 0":              {0, []uint32{1, 2}, nil},
		"threshold above n+1":      {4, []uint32{1, 2}, nil},
		"duplicate holder":         {2, []uint32{1, 2, 1}, nil},
		"holder at 0":              {2, []uint32{1, 0}, nil},
		"source that ends at once": {2, []uint32{1, 2}, []byte{}},
		"source that ends early":   {2, []uint32{1, 2}, bytes.Repeat([]byte{1}, 63)},
	} {
		src := source("polynomials")
		if c.random != nil {
			src = bytes.NewReader(c.random)
		}
		if m, b, err := s.Split(c.t, c.xs, src); err == nil || m != nil || b != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// In the complete graph the threshold counts the owner's own share, which is never handed out.
	if _, _, err := s.Split(3, []uint32{1, 2}, source("polynomials")); err != nil {
		t.Errorf("threshold n+1: %v", err)
	}
}

// TestPolynomialsAreFresh: the shares of m and of b, and those of two splits, have nothing in common.
func TestPolynomialsAreFresh(t *testing.T) {
	s, xs, src := newSecrets(t, "shared"), []uint32{1, 2, 3}, source("polynomials")
	seen := map[Share]bool{}
	for range 2 {
		m, b, err := s.Split(3, xs, src)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range append(m, b...) {
			if seen[v] || v == Share(s.m) || v == Share(s.b) {
				t.Fatal("a share came twice, or is the secret")
			}
			seen[v] = true
		}
	}
}

func TestChecksRefuseOtherSecrets(t *testing.T) {
	s, other, open := newSecrets(t, "s"), newSecrets(t, "other"), id("open")
	p, err := s.Public(open, KexX25519)
	if err != nil {
		t.Fatal(err)
	}
	if !CheckB(s.b, open, p.BC) || !CheckM(KexX25519, s.m, open, p.SPK, nil) {
		t.Fatal("the right secrets are refused")
	}
	ff := [32]byte(bytes.Repeat([]byte{0xff}, 32))
	for name, v := range map[string][32]byte{"another's b": other.b, "own m": s.m, "zero": {}, "not canonical": ff} {
		if CheckB(v, open, p.BC) {
			t.Errorf("CheckB takes %s", name)
		}
	}
	for name, v := range map[string][32]byte{"another's m": other.m, "own b": s.b, "zero": {}, "not canonical": ff} {
		if CheckM(KexX25519, v, open, p.SPK, nil) {
			t.Errorf("CheckM takes %s", name)
		}
	}
	if CheckB(s.b, id("other round"), p.BC) || CheckM(KexX25519, s.m, id("other round"), p.SPK, nil) {
		t.Error("a secret of one round passes in another")
	}
	if CheckB(ff, open, commitB(ff, open)) {
		t.Error("a scalar that is not canonical passes although it is committed to")
	}
}
