package sim

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// oracle knows what should come out, and remembers what was said. Everything in it is of the running round, but for said.
type oracle struct {
	w         *world
	open      *audit.RoundOpen
	roster    *audit.Roster
	survivors map[uint32]*audit.Survivors  // by cohort
	steps     int                          // of the coordinator's machine
	sealed    int                          // the step in which the survivors were decided; the last receipt may come with it
	drops     uint32                       // members that a rule of 10.2 left out
	truth     map[[32]byte][]uint32        // what each device has to contribute in an experiment; elsewhere it is the single 1
	fresh     map[[32]byte][]float32       // what each device has just learned, clipped, until its coins are seen
	cut       map[[32]byte]bool            // devices whose update in an experiment was beyond the clip
	noise     map[[32]byte][]uint32        // what the seed gives each device
	left      map[[32]byte][]uint32        // what leaves instead, where an experiment takes noise off
	charged   map[[32]byte]bool            // devices whose ledger was charged
	receipts  map[[32]byte]bool            // devices whose vector was receipted
	kind      map[uint32]string            // the kind of share given for a member: never two
	said      map[string][sha256.Size]byte // what was said under one name: never two things
}

func (o *oracle) opened(r *audit.RoundOpen) {
	*o = oracle{w: o.w, open: r, noise: map[[32]byte][]uint32{}, left: map[[32]byte][]uint32{},
		truth: map[[32]byte][]uint32{}, fresh: map[[32]byte][]float32{}, cut: map[[32]byte]bool{}, charged: map[[32]byte]bool{}, receipts: map[[32]byte]bool{},
		kind: map[uint32]string{}, said: o.said, survivors: map[uint32]*audit.Survivors{}}
	if o.said == nil {
		o.said = map[string][sha256.Size]byte{}
	}
}

// tap shows what a device reads from its source of randomness in one step.
type tap struct {
	r     io.Reader
	reads [][]byte
}

// Read reads, and keeps a copy.
func (t *tap) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.reads = append(t.reads, append([]byte(nil), p[:n]...))
	return n, err
}

// unit is the update that the quantiser turns into a 1: the least float whose scaled value is not below it.
func unit(g aggregation.Grid) (float32, error) {
	if _, err := g.R(); err != nil {
		return 0, err
	}
	u := float32(1 / g.Scale())
	for g.Scale()*float64(u) < 1 {
		u = math.Nextafter32(u, math.MaxFloat32)
	}
	return u, nil
}

// stepped looks at what a device did: its noise is drawn once, from its seed, and before the noise its vector is the single 1.
func (o *oracle) stepped(d *device, e participant.Event, out participant.Output) error {
	if _, ok := e.Msg.(*protocol.Roster); ok && len(d.random.reads) > 0 {
		if o.noise[d.id] != nil {
			return fmt.Errorf("device %d drew its noise twice", d.i)
		}
		key := d.random.reads[0] // the noise's; the shares' coefficients come after it
		h, err := o.honest()
		if err != nil {
			return err
		}
		variance := privacy.LocalVariance(o.open.SigmaTotSq, h)
		variances := []uint64{variance}
		if o.noise[d.id], err = privacy.Perturb(make([]int32, o.w.cfg.D), variance, privacy.NewStream([32]byte(key))); err != nil {
			return err
		}
		if o.open.SigmaBitSq != 0 { // from the second key
			variances = append(variances, privacy.LocalVariance(o.open.SigmaBitSq, h))
			bit, err := privacy.Perturb([]int32{0}, variances[1], privacy.NewStream([32]byte(d.random.reads[1])))
			if err != nil {
				return err
			}
			o.noise[d.id] = append(o.noise[d.id], bit...)
		}
		left, err := o.w.remaining(d, variances...)
		if err != nil {
			return err
		}
		if left != nil {
			o.left[d.id] = left
		}
	}
	if e.Trained != nil && o.fresh[d.id] != nil && len(d.random.reads) > 0 {
		if err := o.rounded(d, d.random.reads[0]); err != nil {
			return err
		}
	}
	if out.Entry == nil {
		return nil
	}
	if o.charged[d.id] {
		return fmt.Errorf("device %d was charged twice for one round", d.i)
	}
	o.charged[d.id] = true
	x, err := out.Noised.Read(d.scratch)
	if err != nil {
		return err
	}
	return o.contributed(d, x)
}

// contributed looks at a quantised, noised vector.
func (o *oracle) contributed(d *device, x []uint32) error {
	if len(x) != o.open.Words() || len(o.noise[d.id]) != o.open.Words() {
		return fmt.Errorf("device %d was charged for a vector of %d words, noise of %d", d.i, len(x), len(o.noise[d.id]))
	}
	aggregation.Sub(x, o.noise[d.id])
	for i, v := range x {
		if want := o.ring(o.contribution(d, i)); o.ring(v) != want {
			return fmt.Errorf("device %d has %d at place %d without its noise, want %d", d.i, int32(v), i, int32(want))
		}
	}
	return nil
}

// learned notes what an experiment gave a device, clipped.
func (o *oracle) learned(d *device, u []float32) error {
	clipped := append([]float32(nil), u...)
	limit := math.Float32frombits(o.open.C)
	norm, err := privacy.Clip(clipped, limit)
	if err != nil {
		return err
	}
	o.cut[d.id] = norm > float64(limit)
	o.fresh[d.id] = clipped
	return nil
}

// rounded notes what the device's coins make of that.
func (o *oracle) rounded(d *device, key []byte) error {
	x, err := grid(o.open).Quantise(o.fresh[d.id], privacy.NewStream([32]byte(key)))
	if err != nil {
		return err
	}
	if tell := o.w.study.Coins; tell != nil {
		tell(d.i, o.open.Round, [32]byte(key))
	}
	delete(o.fresh, d.id)
	truth := make([]uint32, len(x))
	for i, v := range x {
		truth[i] = uint32(v)
	}
	o.truth[d.id] = truth
	return nil
}

// grid is a round's.
func grid(r *audit.RoundOpen) aggregation.Grid {
	return aggregation.Grid{C: math.Float32frombits(r.C), CInt: r.CInt, XMax: r.XMax, D: int(r.D), WordBits: r.WordBits}
}

// contribution is what a device has to have at a place, before noise and mask: an experiment's vector, or a single 1, which the clip
// does not cut.
func (o *oracle) contribution(d *device, i int) uint32 {
	if i == int(o.open.D) {
		if o.cut[d.id] {
			return o.open.BitSize()
		}
		return 0
	}
	if x := o.truth[d.id]; x != nil {
		return x[i]
	}
	return btoi(i == d.place())
}

// honest is how many members of a cohort carry its noise at least.
func (o *oracle) honest() (int, error) {
	corrupt, err := aggregation.CohortCorrupt(aggregation.GraphParams{N: int(o.roster.N), GammaBP: int(o.open.GammaBP), DeltaBP: int(o.open.DeltaBP),
		Lambda: int(o.open.Lambda), Eta: int(o.open.Eta), Mode: aggregation.Mode(o.open.Mode), Cohorts: int(o.open.Cohorts)})
	if err != nil {
		return 0, err
	}
	return privacy.CohortFloor(int(o.roster.N/o.open.Cohorts), corrupt, int(o.open.DeltaBP)), nil
}

// ring reduces a word mod 2^w.
func (o *oracle) ring(v uint32) uint32 { return v << (32 - o.open.WordBits) >> (32 - o.open.WordBits) }

func btoi(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// sends looks at what a device says: the same name, the same bytes; no vector uncharged; never both kinds of share.
func (o *oracle) sends(d *device, m protocol.Message) error {
	switch m := m.(type) {
	case *protocol.Advertise:
		return o.once(fmt.Sprintf("advertise %d %x", d.i, m.OpenHash), m.Append(nil))
	case *protocol.Shares:
		if o.w.now.Before(d.moment) {
			return fmt.Errorf("device %d sends its shares %v early", d.i, d.moment.Sub(o.w.now))
		}
		return o.once(fmt.Sprintf("shares %d %x", d.i, m.SID), m.Append(nil))
	case *protocol.Input:
		return errors.Join(o.once(fmt.Sprintf("input %d %x", d.i, m.SID), m.Append(nil)), o.paid(d, m.SID))
	case *protocol.Chunk:
		return errors.Join(o.once(fmt.Sprintf("chunk %d %x %d %d", d.i, m.SID, m.Offset, len(m.Data)), m.Data), o.paid(d, m.SID))
	case *protocol.Reveal:
		if err := o.once(fmt.Sprintf("reveal %d %x", d.i, m.SID), m.Append(nil)); err != nil || m.SID != o.w.coord.sid(d.id) {
			return err
		}
		return errors.Join(o.oneKind(m.SelfShares, "self"), o.oneKind(m.PairShares, "pair"))
	}
	return nil
}

func (o *oracle) once(name string, b []byte) error {
	sum := sha256.Sum256(b)
	if old, again := o.said[name]; again && old != sum {
		return fmt.Errorf("%s was sent with other bytes before", name)
	}
	o.said[name] = sum
	return nil
}

func (o *oracle) paid(d *device, sid [32]byte) error {
	for _, e := range d.entries {
		if e.SID == sid {
			return nil
		}
	}
	return fmt.Errorf("device %d sends a vector that its ledger was not charged for", d.i)
}

func (o *oracle) oneKind(shares []protocol.PeerShare, kind string) error {
	for _, s := range shares {
		if old, again := o.kind[s.Index]; again && old != kind {
			return fmt.Errorf("shares of both kinds were given for member %d", s.Index)
		}
		o.kind[s.Index] = kind
	}
	return nil
}

// answers looks at what the coordinator says.
func (o *oracle) answers(s round.Send) error {
	switch m := s.Msg.(type) {
	case *protocol.Receipt:
		if len(o.survivors) > 0 && o.steps > o.sealed && !o.receipts[s.To] {
			return fmt.Errorf("a vector was receipted after the seal, member %d", m.Index)
		}
		o.receipts[s.To] = true
		return o.once(fmt.Sprintf("receipt %x %x", m.SID, s.To), m.Append(nil))
	case *protocol.Survivors:
		if len(o.survivors) < int(o.open.Cohorts) {
			return errors.New("asked to reveal before the survivors are in the log")
		}
		return o.once(fmt.Sprintf("survivors %x", m.SID), m.Bitmap)
	case *protocol.Delivery:
		return o.once(fmt.Sprintf("delivery %x %x", m.SID, s.To), m.Append(nil))
	}
	return nil
}

// logs looks at an entry: one roster, one set of survivors, one end.
func (o *oracle) logs(r audit.Record) error {
	switch r := r.(type) {
	case *audit.Roster:
		if o.roster != nil {
			return errors.New("a second roster is in the log")
		}
		o.roster = r
		o.w.figures.K, o.w.figures.T = int(r.K), int(r.T)
		o.w.fact("roster n=%d k=%d t=%d", r.N, r.K, r.T)
	case *audit.Survivors:
		if o.survivors[r.Cohort] != nil {
			return errors.New("a second set of survivors is in the log")
		}
		o.survivors[r.Cohort], o.sealed = r, o.steps
		o.w.fact("survivors n=%d", r.Count)
	case *audit.RoundClose:
		o.w.figures.Drops = r.Drops
		for _, d := range r.Drops {
			if why := round.Reason(d.Reason); why == round.BadCiphertext || why == round.Complains || why == round.FewNeighbours {
				o.drops += d.Count
			}
		}
	}
	return nil
}

// settled compares each cohort's sum, less the noise, with the ones of exactly the included devices; and wants every receipted
// vector in one, but for those that a rule left out.
func (o *oracle) settled(r *round.Result, sums [][]uint32) error {
	in, all := map[[32]byte]bool{}, 0
	if len(sums) != int(o.open.Cohorts) || len(r.Sums) != len(sums) || len(o.survivors) != len(sums) {
		return fmt.Errorf("%d sums, %d of them logged, of %d cohorts", len(sums), len(r.Sums), o.open.Cohorts)
	}
	for c, sum := range sums {
		if aggregation.SumHash(aggregation.Signed(sum, o.open.WordBits)) != r.Sums[c] {
			return errors.New("the hash in the log is not that of the sum")
		}
		included, err := o.exact(r.Members, c, sum, in)
		if uint32(included) != o.survivors[uint32(c)].Count {
			err = errors.Join(err, fmt.Errorf("%d members are included, %d are logged", included, o.survivors[uint32(c)].Count))
		}
		if err != nil {
			return err
		}
		if included < o.w.cfg.Min {
			return fmt.Errorf("%d vectors were summed, the minimum is %d", included, o.w.cfg.Min)
		}
		all += included
	}
	if all != r.U3 {
		return fmt.Errorf("%d members are included, %d are counted", all, r.U3)
	}
	missing := uint32(0)
	for id := range o.receipts {
		if !in[id] {
			missing++
		}
	}
	if missing > o.drops {
		return fmt.Errorf("%d receipted vectors are not in the sum, rules left out %d", missing, o.drops)
	}
	return nil
}

// exact compares one cohort's sum and counts who is in it.
func (o *oracle) exact(members []round.Member, cohort int, sum []uint32, in map[[32]byte]bool) (included int, err error) {
	want, left := make([]uint32, len(sum)), append([]uint32(nil), sum...)
	for _, m := range members {
		if m.Leaf < 0 || m.Cohort != cohort {
			continue
		}
		if in[m.ID] || !o.charged[m.ID] {
			return included, fmt.Errorf("member %d is in the sum twice or was never charged", m.Index)
		}
		in[m.ID] = true
		included++
		for i := range want {
			want[i] += o.contribution(o.w.byID[m.ID], i)
		}
		noise := o.noise[m.ID]
		if rest := o.left[m.ID]; rest != nil {
			noise = rest
		}
		aggregation.Sub(left, noise)
	}
	for i := range want {
		if got := o.ring(left[i]); got != o.ring(want[i]) {
			return included, fmt.Errorf("place %d of the sum of %d holds %d without the noise, want %d", i, included, int32(got), int32(want[i]))
		}
	}
	return included, nil
}
