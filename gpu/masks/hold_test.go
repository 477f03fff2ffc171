package masks

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
)

// onCPU adds as a device that is right does.
func onCPU(dst []uint32, s aggregation.Shape, terms []aggregation.Term) error {
	aggregation.NewMasker(aggregation.Suite{Kex: aggregation.KexX25519, PRG: s.PRG, WordBits: s.WordBits}, terms).Add(dst, 0)
	return nil
}

// TestADeviceIsHeldAgainstTheCPU: a right one passes, whatever the suite, a wrong one is errWrong and one that fails is not.
func TestADeviceIsHeldAgainstTheCPU(t *testing.T) {
	gone := errors.New("gone")
	adders := map[string]struct {
		add func([]uint32, aggregation.Shape, []aggregation.Term) error
		is  error
	}{
		"right": {onCPU, nil},
		"gone":  {func([]uint32, aggregation.Shape, []aggregation.Term) error { return gone }, gone},
		"last word": {func(dst []uint32, s aggregation.Shape, terms []aggregation.Term) error {
			defer func() { dst[len(dst)-1]++ }()
			return onCPU(dst, s, terms)
		}, errWrong},
		"last term": {func(dst []uint32, s aggregation.Shape, terms []aggregation.Term) error {
			return onCPU(dst, s, terms[:len(terms)-1])
		}, errWrong},
		"sign": {func(dst []uint32, s aggregation.Shape, terms []aggregation.Term) error {
			some := append([]aggregation.Term{{Key: terms[0].Key, Negative: true}}, terms[1:]...)
			return onCPU(dst, s, some)
		}, errWrong},
		"nothing": {func([]uint32, aggregation.Shape, []aggregation.Term) error { return nil }, errWrong},
	}
	for _, prg := range []uint16{aggregation.PRGAES128, aggregation.PRGAES256, aggregation.PRGChaCha20} {
		for _, bits := range []uint16{16, 24, 32} {
			for name, c := range adders {
				t.Run(fmt.Sprintf("%s/%d/%d", name, prg, bits), func(t *testing.T) {
					err := holdAgainstCPU(aggregation.Shape{D: 7, WordBits: bits, PRG: prg}, c.add)
					if !errors.Is(err, c.is) || c.is != errWrong && errors.Is(err, errWrong) {
						t.Errorf("got %v, want %v", err, c.is)
					}
				})
			}
		}
	}
}

// TestAWrongKernelIsNotAskedAgain: what was found out once stands for the device.
func TestAWrongKernelIsNotAskedAgain(t *testing.T) {
	s := aggregation.Shape{D: 5, WordBits: 32, PRG: aggregation.PRGAES128}
	l := &lane{held: map[string]error{kernelOf(s).name: errWrong}}
	if err := l.expand(make([]uint32, s.D), s, make([]aggregation.Term, 2)); !errors.Is(err, errWrong) {
		t.Errorf("got %v", err)
	}
}
