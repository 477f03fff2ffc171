package coordinator

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"strconv"
	"strings"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/privacy"
)

// Adaptive clipping (privacy 12): the clip of the next round lies beside the model that the last one made, in NAME.clip. It is staged with
// the model and found by its name, so that after a crash a round is opened with the clip that belongs to what was published.

// adapts reports whether the clip follows the devices' bits.
func (t *Task) adapts() bool { return t.AdaptClip != (privacy.ClipRule{}) }

// asks is the kind of the task's question.
func (t *Task) asks() uint8 {
	if t.adapts() {
		return audit.AsksSumBit
	}
	return audit.AsksSum
}

// largestClip is what the question allows.
func (t *Task) largestClip() float32 {
	if t.adapts() {
		return t.AdaptClip.Most
	}
	return t.C
}

// bit is B and the noise of the clip bit; 0 without one.
func (t *Task) bit() (size uint32, sigmaSq uint64, err error) {
	if !t.adapts() {
		return 0, 0, nil
	}
	size = (&audit.RoundOpen{XMax: t.XMax}).BitSize()
	sigmaSq, err = privacy.BitNoise(t.NMin, size)
	return size, sigmaSq, err
}

// charge is what one round costs.
func (t *Task) charge() (privacy.Units, error) {
	size, sigmaSq, err := t.bit()
	if err != nil {
		return 0, err
	}
	return privacy.ChargeWithBit(t.CInt, t.SigmaTotSq, size, sigmaSq)
}

// checkClip looks at the rule, and that the clip begins within it.
func (t *Task) checkClip() error {
	if !t.adapts() {
		return nil
	}
	if err := t.AdaptClip.Validate(); err != nil {
		return err
	}
	if t.C < t.AdaptClip.Least || t.C > t.AdaptClip.Most {
		return fmt.Errorf("clip is %v: the clip rule keeps it between %v and %v", t.C, t.AdaptClip.Least, t.AdaptClip.Most)
	}
	return nil
}

// checkBit wants n members of a cohort, corrupt of them hostile, to hide their bits as well as their vectors.
func (t *Task) checkBit(n, corrupt int) error {
	size, sigmaSq, err := t.bit()
	if err != nil || sigmaSq == 0 {
		return err
	}
	if err := aggregation.CheckWord(n, size, sigmaSq, t.WordBits); err != nil {
		return fmt.Errorf("clip bit: %w", err)
	}
	if err := privacy.CheckCohortNoise(n, corrupt, int(t.DeltaBP), sigmaSq); err != nil {
		return fmt.Errorf("clip bit, whose noise follows from n_min = %d: %w", t.NMin, err)
	}
	return nil
}

// clip is that of the next round: what the last published one's bits gave, or the task's.
func (c *Coordinator) clip(t *Task) (float32, error) {
	if !t.adapts() || c.head.Version <= uint64(t.warmUp()) {
		return t.C, nil
	}
	name := hex.EncodeToString(c.head.Model[:]) + ".clip"
	b, err := c.cfg.Models.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		// What a round costs does not depend on its clip, so that beginning again is safe.
		c.cfg.Log.Warn("the clip beside the newest model is missing: it begins again at the task's", slog.String("file", name))
		return t.C, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the next round's clip: %w", err)
	}
	v, err := strconv.ParseFloat(strings.TrimSuffix(string(b), "\n"), 32)
	if err != nil || !(v > 0) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("the next round's clip in %s is %.40q, want a positive number: restore the file from a backup, or remove it to begin again at the task's clip", name, b)
	}
	return min(max(float32(v), t.AdaptClip.Least), t.AdaptClip.Most), nil
}

// nextClip reads the bits of a settled round and gives what lies beside its model; nil without bits. The cohorts' sums each carry
// their own noise, and are added.
func (c *Coordinator) nextClip(open *audit.RoundOpen, plan *round.Plan, bits int64) []byte {
	if open.SigmaBitSq == 0 || !c.cfg.Task.adapts() {
		return nil
	}
	next := c.cfg.Task.AdaptClip.Next(math.Float32frombits(open.C), bits, survivors(plan), open.BitSize())
	return append(strconv.AppendFloat(nil, float64(next), 'g', -1, 32), '\n')
}
