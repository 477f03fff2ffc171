package door

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"

	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/protocol"
)

// Models keeps downloaded model files by content address, partial ones included, so that a download resumes.
type Models interface {
	Read(hash [32]byte) ([]byte, error) // a whole, checked file; fs.ErrNotExist if absent
	// Resume says whether a whole, checked file is there; if not, it writes what is there of an unfinished one.
	Resume(hash [32]byte, w io.Writer) (n int64, whole bool, err error)
	Append(hash [32]byte, offset int64, b []byte) error // adds to an unfinished one
	Finish(hash [32]byte) error                         // an unfinished one is whole now
	Promote(hash [32]byte) error                        // a round published this one: recommend from it
	Discard(hash [32]byte) error
}

// fetch is a download in progress. It asks for the same bytes as everyone else, and for nothing else. The bytes are on the
// disk; a model may be larger than the device's memory.
type fetch struct {
	hash  [32]byte
	total uint64    // 0: taken from the first part
	have  uint64    // bytes
	sum   hash.Hash // of them
	disk  bool      // a part of it lay on the disk before
	round bool      // a round waits for it
	delta *deltaFetch
}

// MaxModel is the largest model file a device downloads.
const MaxModel = 64 << 20

func (d *Door) startFetch(ctx context.Context, conn protocol.Conn, id [32]byte, total uint64, forRound bool) error {
	if total > MaxModel {
		return d.fetched(ctx, conn, tooLarge(total), forRound)
	}
	sum := sha256.New()
	have, whole, err := d.cfg.Models.Resume(id, sum)
	if err != nil {
		return fmt.Errorf("read unfinished model download: %w", err)
	}
	if whole {
		return d.fetched(ctx, conn, participant.ModelReady{Hash: id}, forRound)
	}
	most := int64(MaxModel)
	if total > 0 {
		most = int64(total)
	}
	if have > most {
		if err := d.cfg.Models.Discard(id); err != nil {
			return fmt.Errorf("discard bad model download: %w", err)
		}
		have, sum = 0, sha256.New()
	}
	if have == 0 {
		if started, err := d.startDelta(ctx, conn, id, total, forRound); started || err != nil {
			return err
		}
	}
	return d.startWhole(ctx, conn, &fetch{hash: id, total: total, have: uint64(have), sum: sum, disk: have > 0, round: forRound})
}

// startWhole goes on with the download of a whole model.
func (d *Door) startWhole(ctx context.Context, conn protocol.Conn, f *fetch) error {
	d.fetch = f
	return d.ask(ctx, conn)
}

func (d *Door) ask(ctx context.Context, conn protocol.Conn) error {
	if t := d.fetch.delta; t != nil {
		return d.send(ctx, conn, &protocol.DeltaGet{Base: t.base, Hash: d.fetch.hash, Offset: t.have})
	}
	return d.send(ctx, conn, &protocol.ModelGet{Hash: d.fetch.hash, Offset: d.fetch.have})
}

// fetchPublished goes on with the download of a published model, unless a round's is under way.
func (d *Door) fetchPublished(ctx context.Context, conn protocol.Conn) error {
	if d.publish == ([32]byte{}) || d.fetch != nil || conn == nil {
		return nil
	}
	return d.startFetch(ctx, conn, d.publish, 0, false)
}

// part takes the next piece. A file that does not hash to its name is thrown away and refused (F04).
func (d *Door) part(ctx context.Context, conn protocol.Conn, p *protocol.ModelPart) error {
	f := d.fetch
	if f == nil || f.delta != nil || p.Hash != f.hash || p.Offset != f.have {
		return nil // not asked for, or asked for on an earlier connection
	}
	if f.total == 0 {
		f.total = p.Total
	}
	whole := f.total <= MaxModel && p.Total == f.total && p.Offset+uint64(len(p.Data)) <= f.total && (len(p.Data) > 0 || p.Offset == f.total)
	if whole {
		if err := d.cfg.Models.Append(f.hash, int64(p.Offset), p.Data); err != nil {
			return fmt.Errorf("store model download: %w", err)
		}
		f.sum.Write(p.Data)
		if f.have += uint64(len(p.Data)); f.have < f.total {
			return d.ask(ctx, conn)
		}
	}
	d.fetch = nil
	got := [32]byte(f.sum.Sum(nil))
	if !whole || got != f.hash {
		if err := d.cfg.Models.Discard(f.hash); err != nil {
			return fmt.Errorf("discard bad model download: %w", err)
		}
		if f.disk { // what lay on the disk may be at fault
			return d.startWhole(ctx, conn, &fetch{hash: f.hash, total: f.total, sum: sha256.New(), round: f.round})
		}
		if f.total > MaxModel {
			return d.fetched(ctx, conn, tooLarge(f.total), f.round)
		}
		return d.fetched(ctx, conn, participant.ModelReady{Hash: got}, f.round)
	}
	if err := d.cfg.Models.Finish(f.hash); err != nil {
		return fmt.Errorf("finish model download: %w", err)
	}
	return d.fetched(ctx, conn, participant.ModelReady{Hash: f.hash}, f.round)
}

func tooLarge(size uint64) participant.ModelReady {
	return participant.ModelReady{Refused: fmt.Sprintf("the model has %d bytes, this device takes up to %d", size, MaxModel)}
}

// fetched takes note of what came.
func (d *Door) fetched(ctx context.Context, conn protocol.Conn, m participant.ModelReady, forRound bool) error {
	switch {
	case m.Refused == "" && m.Hash == d.publish && m.Hash != [32]byte{}:
		if err := d.cfg.Models.Promote(m.Hash); err != nil {
			return fmt.Errorf("promote model: %w", err)
		}
		d.cfg.OnEvent(Event{Kind: "model", Model: m.Hash})
		d.publish = [32]byte{}
	case !forRound:
		d.publish = [32]byte{} // not what it was published as
	}
	if forRound {
		if err := d.obey(ctx, conn, d.machine.Step(d.cfg.Now(), participant.Event{Model: &m})); err != nil {
			return err
		}
	}
	return d.fetchPublished(ctx, conn)
}
