package door

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/protocol"
)

// Deltas makes models of others that are on the device and of smaller downloads.
type Deltas interface {
	// Base names a whole model that a delta may begin from, with its size in bytes; zero if there is none.
	Base() (hash [32]byte, size int64, err error)
	// Rebuild makes a model of a base and of the delta that was appended under a name, which is gone afterwards. It is false where they
	// do not make the model with this hash.
	Rebuild(hash, base, name [32]byte) (whole bool, err error)
}

// deltaName is what an unfinished delta is kept under: nothing hashes to it.
func deltaName(base, hash [32]byte) [32]byte {
	return sha256.Sum256(append(append([]byte("cinesync/csa1/delta\x00"), base[:]...), hash[:]...))
}

// startDelta asks for what is new since the model that is on the device, if there is one. It goes on where an earlier connection ended. The
// coordinator learns which version that is; it was there when the device fetched it.
func (d *Door) startDelta(ctx context.Context, conn protocol.Conn, id [32]byte, total uint64, forRound bool) (started bool, err error) {
	if d.cfg.Deltas == nil {
		return false, nil
	}
	base, size, err := d.cfg.Deltas.Base()
	if err != nil {
		return false, fmt.Errorf("look for a model to begin from: %w", err)
	}
	if base == ([32]byte{}) || base == id || size > MaxModel {
		return false, nil
	}
	name := deltaName(base, id)
	have, _, err := d.cfg.Models.Resume(name, io.Discard)
	if err != nil {
		return false, fmt.Errorf("read unfinished delta: %w", err)
	}
	if have >= size {
		if err := d.cfg.Models.Discard(name); err != nil {
			return false, fmt.Errorf("discard bad delta: %w", err)
		}
		have = 0
	}
	d.fetch = &fetch{hash: id, total: total, round: forRound, delta: &deltaFetch{base: base, name: name, have: uint64(have), most: uint64(size)}}
	return true, d.ask(ctx, conn)
}

// deltaFetch is the download of a delta in place of the model. It must be smaller than the base's file, which is as long as the model's.
type deltaFetch struct {
	base, name  [32]byte
	have, total uint64 // bytes; a total of 0 is taken from the first part
	most        uint64
}

// deltaPart takes the next piece. Where there is no delta, or it does not make the model, the whole file is fetched.
func (d *Door) deltaPart(ctx context.Context, conn protocol.Conn, p *protocol.DeltaPart) error {
	f := d.fetch
	if f == nil || f.delta == nil || p.Hash != f.hash || p.Base != f.delta.base || p.Total > 0 && p.Offset != f.delta.have {
		return nil // not asked for, or asked for on an earlier connection
	}
	t := f.delta
	if t.total == 0 {
		t.total = p.Total
	}
	good := p.Total > 0 && p.Total == t.total && p.Total < t.most && p.Offset+uint64(len(p.Data)) <= p.Total && (len(p.Data) > 0 || p.Offset == p.Total)
	if good {
		if err := d.cfg.Models.Append(t.name, int64(p.Offset), p.Data); err != nil {
			return fmt.Errorf("store delta: %w", err)
		}
		if t.have += uint64(len(p.Data)); t.have < t.total {
			return d.ask(ctx, conn)
		}
	}
	d.fetch = nil
	if good {
		whole, err := d.cfg.Deltas.Rebuild(f.hash, t.base, t.name)
		if err != nil {
			return fmt.Errorf("rebuild model from delta: %w", err)
		}
		if whole {
			return d.fetched(ctx, conn, participant.ModelReady{Hash: f.hash}, f.round)
		}
	} else if err := d.cfg.Models.Discard(t.name); err != nil {
		return fmt.Errorf("discard bad delta: %w", err)
	}
	return d.startWhole(ctx, conn, &fetch{hash: f.hash, total: f.total, round: f.round, sum: sha256.New()})
}
