package participant

import (
	"fmt"
	"io"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
)

// What leaves a device, in order: clip and quantise (quantised, after training), noise (noised, once the roster says how
// many share it), mask (masked, once the neighbours' shares are open). Floats end in quantised, before a block is written. Each
// step reads the vector of the one before from the scratch and writes its own, a block at a time.

// quantised clips the update to C and rounds it to integers whose squares sum to at most C_int², exactly.
func quantised(s Scratch, o *audit.RoundOpen, update Vector, random io.Reader) (written, error) {
	g := grid(o)
	clip, err := measured(g, update)
	if err != nil {
		return written{}, err
	}
	coins, err := privacy.NewSessionStream(random)
	if err != nil {
		return written{}, err
	}
	defer coins.Zero()
	var out *fileWriter
	var words []uint32 // of one block; none is longer than the first
	defer func() { clear(words) }()
	err = g.QuantiseStream(clipped(update, clip), func(block []int32, from int) error {
		if from == 0 { // for the first time, or drawn again
			out = newFileWriter(s, fileQuantised)
		}
		if words == nil {
			words = make([]uint32, len(block))
		}
		for i, v := range block {
			words[i] = uint32(v)
		}
		_, err := out.Write(aggregation.Pack(words[:len(block)], 32))
		return err
	}, coins)
	if err == nil {
		err = appendBit(o, clip.Within(), out)
	}
	if err != nil {
		return written{}, err
	}
	return out.done(), nil
}

// measured is a clipper that has seen the whole update.
func measured(g aggregation.Grid, update Vector) (*privacy.Clipper, error) {
	clip, err := privacy.NewClipper(g.C)
	if err != nil {
		return nil, err
	}
	floats := make([]float32, min(g.D, measureWords))
	defer clear(floats)
	return clip, blocks(g.D, measureWords, func(from, to int) error {
		if err := update.ReadFloats(floats[:to-from], from); err != nil {
			return fmt.Errorf("read update: %w", err)
		}
		return clip.Measure(floats[:to-from])
	})
}

// clipped reads the update with its norm scaled to C where it is above.
func clipped(update Vector, clip *privacy.Clipper) func(block []float32, from int) error {
	return func(block []float32, from int) error {
		if err := update.ReadFloats(block, from); err != nil {
			return fmt.Errorf("read update: %w", err)
		}
		clip.Scale(block)
		return nil
	}
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
	bit := noise
	if o.SigmaBitSq != 0 {
		var zero func()
		if bit, zero, err = bitNoise(o, hMin, random); err != nil {
			return written{}, err
		}
		defer zero()
	}
	out := newFileWriter(s, fileNoised)
	add := func(words []uint32, from int) error {
		m := min(len(words), int(o.D)-from) // what of the block is vector
		if err := noise.Perturb(words[:m]); err != nil {
			return err
		}
		return bit.Perturb(words[m:])
	}
	if err := through(newFileReader(s, fileQuantised, x), out, o.Words(), 32, add); err != nil {
		return written{}, err
	}
	return out.done(), nil
}

// through makes a file from the one before it, whose d words do changes in place, as words of so many bits. What the file before
// held is checked when all of it was read, so nothing of the new one may be used before.
func through(in *fileReader, out io.Writer, d int, bits uint16, do func(words []uint32, from int) error) error {
	words := make([]uint32, min(d, blockWords))
	defer clear(words)
	err := blocks(d, blockWords, func(from, to int) error {
		block := words[:to-from]
		if err := readWords(in, block); err != nil {
			return err
		}
		if err := do(block, from); err != nil {
			return err
		}
		_, err := out.Write(aggregation.Pack(block, bits))
		return err
	})
	if err != nil {
		return err
	}
	return in.check()
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
	masker, err := secrets.Masker(st.aggregation(), st.Index, st.maskedWith())
	if err != nil {
		return upload{}, refuse(F07BadKey, "%v", err)
	}
	defer masker.Zero()
	out := newChunkedWriter(newFileWriter(s, fileMasked))
	add := func(words []uint32, from int) error {
		masker.Add(words, from)
		return nil
	}
	if err := through(newFileReader(s, fileNoised, st.Noised), out, st.Open.Words(), st.Open.WordBits, add); err != nil {
		return upload{}, err
	}
	return out.done(), nil
}
