package coordinator_test

import (
	"fmt"
	"slices"
	"testing/fstest"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

// check holds the whole world against the promises, whatever happened in it: the public log is the store's and verifies,
// every round has one roster, one included set and one end, and every published sum is exactly that of its included set.
func (w *world) check() {
	w.Helper()
	if w.Failed() || len(w.disk.rows.entries) == 0 {
		return
	}
	contents := w.readLog()
	if contents == nil {
		return
	}
	if len(contents.Records) > len(w.disk.rows.entries) {
		w.Errorf("the public log has %d entries, the store %d", len(contents.Records), len(w.disk.rows.entries))
		return
	}
	c := &checker{w: w, head: w.disk.rows.head.Model}
	for i, e := range w.disk.rows.entries {
		rec, err := audit.OpenEntry(w.coord.Cert.IDPK[:], e)
		if err != nil {
			w.Errorf("entry %d: %v", i, err)
			return
		}
		if i < len(contents.Records) && contents.Records[i].Hash != audit.LeafHash(e) {
			w.Errorf("entry %d of the public log is not the store's", i)
		}
		c.record(uint64(i), audit.LeafHash(e), rec)
	}
	for _, p := range c.made[max(0, len(c.made)-2):] { // older ones may be removed
		for _, hash := range [][32]byte{p.model, p.serve} {
			if len(w.disk.models[fmt.Sprintf("%x.snapshot", hash)]) == 0 {
				w.Errorf("model %x of one of the two newest versions is not there", hash[:4])
			}
		}
	}
	if c.model != ([32]byte{}) && c.model != c.head {
		w.Errorf("the head is model %x, the log's last is %x", c.head[:4], c.model[:4])
	}
}

// readLog reads the log's files as an auditor does. A coordinator that never came to write its checkpoint has none.
func (w *world) readLog() *audit.Contents {
	w.Helper()
	if w.disk.log["checkpoint"] == nil {
		return nil
	}
	contents, err := audit.Read(w.publicFiles(), checkCert, true)
	if err != nil {
		w.Errorf("the public log does not verify: %v", err)
		return nil
	}
	return contents
}

func checkCert(_, cert []byte) (audit.Coordinator, error) {
	c, err := protocol.ParseCert(cert)
	return audit.Coordinator{Key: c.IDPK, NotBefore: c.NotBefore, NotAfter: c.NotAfter}, err
}

// publicFiles is the log's folder with its keys.
func (w *world) publicFiles() fstest.MapFS {
	w.Helper()
	cert := w.coord.Cert.Bytes()
	keys := audit.Keys{Origin: logOrigin, LogKey: prototest.Public(w.logKey), Authority: prototest.AuthorityKey(), Coordinator: cert[:]}
	b, err := keys.Encode()
	if err != nil {
		w.Fatal(err)
	}
	files := fstest.MapFS{"keys": {Data: b}}
	for name, b := range w.disk.log {
		files[name] = &fstest.MapFile{Data: b}
	}
	return files
}

// checker walks the log.
type checker struct {
	w            *world
	open         *audit.RoundOpen
	openHash     [32]byte
	roster, prev [32]byte
	survivors    [][32]byte // of the cohorts
	count        uint32     // of all of them
	model, head  [32]byte
	made         []pair
}

func (c *checker) record(i uint64, hash [32]byte, rec audit.Record) {
	wrong := func(format string, args ...any) {
		c.w.Errorf("log entry %d, %T: %s", i, rec, fmt.Sprintf(format, args...))
	}
	none := [32]byte{}
	switch r := rec.(type) {
	case *audit.RoundOpen:
		if c.open != nil {
			wrong("round %d is open", c.open.Round)
		}
		if r.PrevRound != c.prev {
			wrong("does not follow the round before")
		}
		if c.model != none && r.ModelIn != c.model {
			wrong("starts from another model than was published last")
		}
		c.open, c.openHash, c.roster, c.survivors, c.count = r, hash, none, nil, 0
	case *audit.Roster:
		if c.open == nil || r.Open != c.openHash || c.roster != none {
			wrong("rival or without a round")
		}
		c.roster = hash
	case *audit.Survivors:
		if c.open == nil || r.Open != c.openHash || r.Roster != c.roster || int(r.Cohort) != len(c.survivors) || r.Cohort >= c.open.Cohorts || r.Count < c.open.NMin {
			wrong("rival, without a roster, or of %d members", r.Count)
		}
		c.survivors, c.count = append(c.survivors, hash), c.count+r.Count
		if _, ok := c.w.disk.rows.charges[c.open.Round]; !ok {
			wrong("round %d is not charged", c.open.Round)
		}
	case *audit.RoundClose:
		if c.open == nil || r.Open != c.openHash || r.Roster != c.roster || len(c.survivors) != int(c.open.Cohorts) || !slices.Equal(r.Survivors, c.survivors) || r.U3 != c.count {
			wrong("does not close what the log says")
		} else {
			c.sum(i, r)
		}
		c.open, c.prev, c.model = nil, hash, r.ModelOut
	case *audit.Abort:
		if c.open == nil || r.Open != c.openHash {
			wrong("without a round")
		}
		c.open, c.prev = nil, hash
	}
}

// sum adds up what the included devices say they gave.
func (c *checker) sum(i uint64, r *audit.RoundClose) {
	round := c.open.Round
	e := c.w.disk.rows.ended[c.openHash]
	if e == nil || e.Index != i {
		c.w.Errorf("round %d: the store does not know how it ended", round)
		return
	}
	sums, n := make([][]uint32, c.open.Cohorts), uint32(0)
	for k := range sums {
		sums[k] = make([]uint32, c.open.Words())
	}
	for _, m := range e.Members {
		if m.Leaf < 0 {
			continue
		}
		n++
		for k, v := range c.w.given[round][m.ID] {
			sums[m.Cohort][k] += v
		}
	}
	for k, sum := range sums {
		if n != r.U3 || aggregation.SumHash(aggregation.Signed(sum, c.open.WordBits)) != r.SumHash[k] {
			c.w.Errorf("round %d, cohort %d: the sum of %d members (%d logged) is not the plain sum of what they gave", round, k, n, r.U3)
		}
	}
	c.made = append(c.made, pair{r.ModelOut, r.ServeHash})
}
