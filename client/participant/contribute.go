package participant

import (
	"fmt"
	"io"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
)

// What leaves a device, in order: clip and quantise (quantised, after training), noise (noised, once the roster says how
// many share it), mask (masked, once the neighbours' shares are open). Floats end in quantised. Each step reads the vector of
// the one before from the scratch and writes its own, a block at a time.

// quantised clips the update to C and rounds it to integers whose squares sum to at most C_int², exactly.
func quantised(s Scratch, g aggregation.Grid, update Vector, random io.Reader) (written, error) {
	clip, err := privacy.NewClipper(g.C)
	if err != nil {
		return written{}, err
	}
	floats := make([]float32, min(g.D, blockWords))
	defer clear(floats)
	err = blocks(g.D, func(from, to int) error {
		if err := update.ReadFloats(floats[:to-from], from); err != nil {
			return fmt.Errorf("read update: %w", err)
		}
		return clip.Measure(floats[:to-from])
	})
	if err != nil {
		return written{}, err
	}
	coins, err := privacy.NewSessionStream(random)
	if err != nil {
		return written{}, err
	}
	defer coins.Zero()
	read := func(block []float32, from int) error {
		if err := update.ReadFloats(block, from); err != nil {
			return fmt.Errorf("read update: %w", err)
		}
		clip.Scale(block)
		return nil
	}
	var out *fileWriter
	file, words := newWordFile(g.D), make([]uint32, min(g.D, blockWords))
	defer file.zero()
	defer clear(words)
	err = g.QuantiseStream(read, func(block []int32, from int) error {
		if from == 0 { // for the first time, or drawn again
			out = newFileWriter(s, fileQuantised)
		}
		for i, v := range block {
			words[i] = uint32(v)
		}
		return file.write(out, words[:len(block)])
	}, coins)
	if err != nil {
		return written{}, err
	}
	return out.done(), nil
}

// noised adds this device's share of exact discrete Gaussian noise: enough that any hMin honest survivors carry σ_tot²
// together (privacy 6.1).
func noised(s Scratch, o *audit.RoundOpen, hMin int, x written, random io.Reader) (written, error) {
	key, err := privacy.NewSessionStream(random)
	if err != nil {
		return written{}, err
	}
	defer key.Zero()
	noise, err := privacy.NewGaussian(privacy.LocalVariance(o.SigmaTotSq, hMin), key)
	if err != nil {
		return written{}, err
	}
	defer noise.Zero()
	plain := make([]int32, min(int(o.D), blockWords))
	defer clear(plain)
	return through(s, int(o.D), fileQuantised, x, fileNoised, func(words []uint32, _ int) error {
		for i, v := range words {
			plain[i] = int32(v)
		}
		return noise.Perturb(words, plain[:len(words)])
	}, newWordFile(int(o.D)).write)
}

// through makes a file from the one before it, whose words do changes in place. What the file before held is checked when all
// of it was read, so nothing of the new one may be used before.
func through(s Scratch, d int, from string, old written, to string, do func(words []uint32, from int) error, write func(io.Writer, []uint32) error) (written, error) {
	in, out := newFileReader(s, from, old), newFileWriter(s, to)
	file, words := newWordFile(d), make([]uint32, min(d, blockWords))
	defer file.zero()
	defer clear(words)
	err := blocks(d, func(from, to int) error {
		block := words[:to-from]
		if err := file.read(in, block); err != nil {
			return err
		}
		if err := do(block, from); err != nil {
			return err
		}
		return write(out, block)
	})
	if err == nil {
		err = in.check()
	}
	if err != nil {
		return written{}, err
	}
	return out.done(), nil
}

// upload is a masked vector and what its header tells of it.
type upload struct {
	written
	chunks [][32]byte
}

// aggregation is the session as masks and boxes know it.
func (s *session) aggregation() aggregation.Session {
	o := &s.Open
	return aggregation.Session{Suite: aggregation.Suite{Kex: o.Kex, PRG: o.PRG, WordBits: o.WordBits}, OpenHash: s.OpenHash, SID: s.SID}
}

// maskedWith are the neighbours whose shares this device holds.
func (s *session) maskedWith() []aggregation.PeerKey {
	var peers []aggregation.PeerKey
	for _, q := range s.Neighbours {
		if q.Masked {
			peers = append(peers, q.key())
		}
	}
	return peers
}

func (q *neighbour) key() aggregation.PeerKey {
	return aggregation.PeerKey{Index: q.Index, SPK: q.SPK, EPK: q.EPK, KEM: q.KEM, MaskCT: q.maskCT}
}

// masked adds the self mask and a pair mask for every neighbour whose shares this device holds.
func masked(s Scratch, secrets *aggregation.Secrets, st *state) (upload, error) {
	d := int(st.Open.D)
	masker, err := secrets.Masker(st.aggregation(), st.Index, st.maskedWith())
	if err != nil {
		return upload{}, refuse(F07BadKey, "%v", err)
	}
	defer masker.Zero()
	var hashes chunkHashes
	var buf []byte
	out, err := through(s, d, fileNoised, st.Noised, fileMasked, func(words []uint32, from int) error {
		masker.Add(words, from)
		return nil
	}, func(w io.Writer, words []uint32) error {
		buf = aggregation.AppendWords(buf[:0], words, st.Open.WordBits)
		hashes.Write(buf)
		_, err := w.Write(buf)
		return err
	})
	return upload{out, hashes.done()}, err
}
