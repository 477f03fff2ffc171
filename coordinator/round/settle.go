package round

import (
	"errors"
	"fmt"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/internal/par"
)

// ErrVector means that a receipted vector is missing or altered: the round cannot be settled with its set.
var ErrVector = errors.New("masked vector")

// ErrShares means that no t of the answers rebuild a secret that fits its commitment.
var ErrShares = errors.New("secret shares")

// Settle is the coordinator's half of the protocol for one cohort on one screen: the sum must hold the masked vectors of exactly the
// included set; rebuild the secrets, check each against its commitment, take the masks off. The result is the exact sum of the
// devices' clipped, quantised, noised vectors mod 2^w (secure aggregation 10.4). It uses the fold up.
func Settle(p *Plan, cohort int, f *Fold) ([]uint32, error) {
	part := &p.Cohorts[cohort]
	if n := len(f.Differs(part.Survivors)); n > 0 {
		return nil, fmt.Errorf("%w: the folded sum differs from the logged set in %d vectors", ErrVector, n)
	}
	terms, err := p.maskTerms(part)
	defer clear(terms) // keys, of no use from here on; on an error those that there are
	if err != nil {
		return nil, err
	}
	f.held = nil // what is in it from here on is no sum of masked vectors
	if err := f.acc.AddMasks(terms); err != nil {
		return nil, fmt.Errorf("take masks off: %w", err)
	}
	return f.acc.Sum(), nil
}

// maskTerms lists the masks to take off: the self mask of every survivor, and what is left of the pair masks of the lost. Rebuilding
// and agreeing on keys is most of the work where vectors are short, and is done on all cores. The list is made once, so that no key lies
// anywhere else afterwards. On an error it is what there was so far; in either case it is the caller's to clear.
func (p *Plan) maskTerms(part *Part) ([]aggregation.Term, error) {
	in := aggregation.Session{Suite: p.Suite, OpenHash: p.OpenHash, SID: part.SID}
	survivors, all := len(part.Survivors), len(part.Survivors)+len(part.Lost)
	out := make([]aggregation.Term, 0, part.masks())
	for from := 0; from < all; from += secretBatch {
		n := min(secretBatch, all-from)
		terms, errs := make([][]aggregation.Term, n), make([]error, n)
		par.Do(n, func(k int) {
			if i := from + k; i < survivors {
				terms[k], errs[k] = p.selfTerm(in, part.Survivors[i])
			} else {
				terms[k], errs[k] = p.pairTerms(in, part.Lost[i-survivors])
			}
		})
		for _, some := range terms {
			out = append(out, some...)
			clear(some)
		}
		for _, err := range errs {
			if err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

// masks counts what maskTerms lists.
func (part *Part) masks() int {
	n := len(part.Survivors)
	for _, l := range part.Lost {
		n += len(l.Partners)
	}
	return n
}

// secretBatch is how many secrets are rebuilt before anybody looks whether one cannot be: liars must not make all of them slow.
const secretBatch = 64

func (p *Plan) selfTerm(in aggregation.Session, s Survivor) ([]aggregation.Term, error) {
	b, err := p.secretB(s)
	if err != nil {
		return nil, err
	}
	self := aggregation.SelfMask(in, b)
	self.Negative = true
	return []aggregation.Term{self}, nil
}

// pairTerms are what survivors' vectors still hold of their masks with a lost member. In key agreement 2 that member may have sent a
// survivor a ciphertext that its own secret does not give: what the survivor masked with is then known to nobody else, and no sum can
// be had.
func (p *Plan) pairTerms(in aggregation.Session, l Lost) ([]aggregation.Term, error) {
	m, err := rebuild(p.T, l.Xs, l.Shares, func(m [32]byte) bool { return aggregation.CheckM(p.Suite.Kex, m, p.OpenHash, l.SPK, l.KEM) })
	if err != nil {
		return nil, &FaultError{l.Index, BadShares, fmt.Errorf("mask key of lost member %d: %w", l.Index, err)}
	}
	terms, err := aggregation.PairMasks(in, m, l.Index, l.Partners...)
	if err != nil {
		err = fmt.Errorf("%w: what lost member %d sent: %w", ErrShares, l.Index, err)
		if errors.Is(err, aggregation.ErrCiphertext) {
			err = &FaultError{l.Index, WrongCiphertext, err}
		}
		return nil, err
	}
	return terms, nil
}

func (p *Plan) secretB(s Survivor) ([32]byte, error) {
	if s.Own != nil {
		return *s.Own, nil // checked against bc when it arrived
	}
	b, err := rebuild(p.T, s.Xs, s.Shares, func(b [32]byte) bool { return aggregation.CheckB(b, p.OpenHash, s.BC) })
	if err != nil {
		return b, &FaultError{s.Index, BadShares, fmt.Errorf("self mask secret of member %d: %w", s.Index, err)}
	}
	return b, nil
}

// maxTries bounds the subsets of shares that are tried for one secret.
const maxTries = 256

// rebuild wants the secret that fits its commitment. Almost always the first t shares give it. If not, up to half of the
// surplus may be wrong and is corrected; beyond that some subsets of t are tried, a bounded number, so that liars cannot
// make the search long.
func rebuild(t int, xs []uint32, shares []aggregation.Share, fits func([32]byte) bool) ([32]byte, error) {
	n := len(xs)
	if n < t {
		return [32]byte{}, fmt.Errorf("%w: %d answers, %d are needed", ErrShares, n, t)
	}
	if secret, err := aggregation.Recover(t, xs[:t], shares[:t]); err == nil && fits(secret) {
		return secret, nil
	}
	xs, shares = canonical(xs, shares)
	if len(xs) < t {
		return [32]byte{}, fmt.Errorf("%w: %d of %d answers are scalars, %d are needed", ErrShares, len(xs), n, t)
	}
	if secret, err := aggregation.Correct(t, xs, shares); err == nil && fits(secret) {
		return secret, nil
	}
	if secret, ok := search(t, xs, shares, fits); ok {
		return secret, nil
	}
	return [32]byte{}, fmt.Errorf("%w: %d answers, and no %d of those tried fit the commitment", ErrShares, n, t)
}

// canonical leaves out shares that no honest device can have sent: they would spoil every attempt.
func canonical(xs []uint32, shares []aggregation.Share) ([]uint32, []aggregation.Share) {
	var keptX []uint32
	var kept []aggregation.Share
	for i, s := range shares {
		if aggregation.CheckShare(s) == nil {
			keptX, kept = append(keptX, xs[i]), append(kept, s)
		}
	}
	return keptX, kept
}

// search tries the windows of t shares, then strides through the list.
func search(t int, xs []uint32, shares []aggregation.Share, fits func([32]byte) bool) ([32]byte, bool) {
	n, tries := len(xs), 0
	sx, ss := make([]uint32, t), make([]aggregation.Share, t)
	for step := 1; step <= n && n > t; step++ {
		if gcd(step, n) != 1 {
			continue
		}
		for start := range n {
			if tries++; tries > maxTries {
				return [32]byte{}, false
			}
			for i := range t {
				at := (start + i*step) % n
				sx[i], ss[i] = xs[at], shares[at]
			}
			if secret, err := aggregation.Recover(t, sx, ss); err == nil && fits(secret) {
				return secret, true
			}
		}
	}
	return [32]byte{}, false
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
