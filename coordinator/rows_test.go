package coordinator_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/coordinator/round"
)

// rows is a store's content in memory. A commit changes a clone, so that it happens as a whole or not at all.
type rows struct {
	entries [][]byte
	head    *coordinator.Head
	rounds  map[uint64]bool
	open    *coordinator.RoundRow
	journal map[uint64][]coordinator.JournalRow
	chunks  map[owner]map[uint64][]byte
	headers map[[32]byte][]byte
	charges map[uint64]coordinator.ChargeRow
	uses    map[[16]byte][]uint64 // rounds of each certificate
	conduct map[[16]byte]round.Conduct
	ended   map[[32]byte]*coordinator.Ended
}

type owner struct {
	round uint64
	id    [32]byte
}

func newRows() *rows {
	return &rows{rounds: map[uint64]bool{}, journal: map[uint64][]coordinator.JournalRow{}, chunks: map[owner]map[uint64][]byte{},
		headers: map[[32]byte][]byte{}, charges: map[uint64]coordinator.ChargeRow{}, uses: map[[16]byte][]uint64{}, conduct: map[[16]byte]round.Conduct{}, ended: map[[32]byte]*coordinator.Ended{}}
}

func (r *rows) clone() *rows {
	c := *r
	c.entries, c.rounds = slices.Clip(r.entries), maps.Clone(r.rounds)
	c.journal, c.chunks = maps.Clone(r.journal), maps.Clone(r.chunks)
	c.headers, c.charges, c.uses, c.ended = maps.Clone(r.headers), maps.Clone(r.charges), maps.Clone(r.uses), maps.Clone(r.ended)
	c.conduct = maps.Clone(r.conduct)
	return &c
}

func (r *rows) load() *coordinator.Saved {
	saved := &coordinator.Saved{}
	for _, e := range r.entries {
		saved.Entries = append(saved.Entries, slices.Clone(e))
	}
	if r.head != nil {
		saved.Head = *r.head
	}
	if r.open != nil {
		saved.Open = &coordinator.OpenRound{RoundRow: *r.open, Journal: slices.Clone(r.journal[r.open.Round])}
	}
	for _, round := range slices.Sorted(maps.Keys(r.charges)) {
		saved.Charges = append(saved.Charges, r.charges[round])
	}
	return saved
}

func (r *rows) take(b *coordinator.Batch) error {
	for _, write := range []func(*coordinator.Batch) error{r.takeHead, r.takeEntries, r.takeOpen, r.takeRound, r.takeConduct, r.takeEnd} {
		if err := write(b); err != nil {
			return err
		}
	}
	return nil
}

func (r *rows) takeHead(b *coordinator.Batch) error {
	if b.First != nil {
		if r.head != nil {
			return fmt.Errorf("there is a head already")
		}
		first := *b.First
		r.head = &first
	}
	if m := b.Move; m != nil {
		if r.head == nil || r.head.Version != m.From.Version || r.head.Model != m.From.Model {
			return fmt.Errorf("another version is the head")
		}
		to := m.To
		r.head = &to
	}
	return nil
}

func (r *rows) takeEntries(b *coordinator.Batch) error {
	for _, e := range b.Entries {
		if e.Index != uint64(len(r.entries)) {
			return fmt.Errorf("entry %d where %d is next", e.Index, len(r.entries))
		}
		r.entries = append(r.entries, slices.Clone(e.Entry))
	}
	return nil
}

func (r *rows) takeOpen(b *coordinator.Batch) error {
	if b.Open == nil {
		return nil
	}
	if r.open != nil || r.rounds[b.Open.Round] {
		return fmt.Errorf("open round %d: a round runs, or it was opened before", b.Open.Round)
	}
	row := *b.Open
	row.Code, row.Context = slices.Clone(row.Code), slices.Clone(row.Context)
	r.open, r.rounds[row.Round] = &row, true
	return nil
}

func (r *rows) takeRound(b *coordinator.Batch) error {
	for _, j := range b.Journal {
		list := r.journal[j.Round]
		if slices.ContainsFunc(list, func(old coordinator.JournalRow) bool { return old.Seq == j.Seq }) {
			return fmt.Errorf("event %d was written before", j.Seq)
		}
		j.Event = bytes.Clone(j.Event)
		r.journal[j.Round] = append(slices.Clip(list), j)
	}
	for _, c := range b.Chunks {
		at := owner{c.Round, c.ID}
		if _, ok := r.chunks[at][c.Offset]; ok {
			return fmt.Errorf("chunk at %d was written before", c.Offset)
		}
		pieces := maps.Clone(r.chunks[at])
		if pieces == nil {
			pieces = map[uint64][]byte{}
		}
		pieces[c.Offset] = bytes.Clone(c.Data)
		r.chunks[at] = pieces
	}
	for _, h := range b.Headers {
		r.headers[h.ID] = bytes.Clone(h.Header)
	}
	for _, c := range b.Charges {
		if old, ok := r.charges[c.Round]; ok && old != c {
			return fmt.Errorf("round %d was charged before", c.Round)
		}
		r.charges[c.Round] = c
	}
	for _, u := range b.Uses {
		list := r.uses[u.Serial]
		if len(list) > 0 && list[len(list)-1] >= u.Round {
			return fmt.Errorf("round %d of certificate %x was counted before", u.Round, u.Serial)
		}
		r.uses[u.Serial] = append(slices.Clip(list), u.Round)
	}
	return nil
}

func (r *rows) takeConduct(b *coordinator.Batch) error {
	for _, c := range b.Conduct {
		if old, ok := r.conduct[c.Serial]; ok && old.Last >= c.Last {
			return fmt.Errorf("round %d was held against certificate %x before", c.Last, c.Serial)
		}
		r.conduct[c.Serial] = c.Conduct
	}
	return nil
}

func (r *rows) takeEnd(b *coordinator.Batch) error {
	e := b.End
	if e == nil {
		return nil
	}
	if r.open == nil || r.open.Round != e.Round || r.open.OpenHash != e.OpenHash {
		return fmt.Errorf("end round %d: it is not running", e.Round)
	}
	kept := *e
	kept.Members = slices.Clone(e.Members)
	slices.SortFunc(kept.Members, func(a, b round.Member) int { return int(a.Index) - int(b.Index) })
	r.open, r.ended[e.OpenHash] = nil, &kept
	delete(r.journal, e.Round)
	for at := range r.chunks {
		if at.round == e.Round {
			delete(r.chunks, at)
		}
	}
	return nil
}
