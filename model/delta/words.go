package delta

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/cinesync/cinesync/model"
)

// exponents is how many a half may have; 31 stands for no number.
const exponents = 32

// tensors splits a snapshot file in halves into what is before its tensors and these.
func tensors(file []byte) (head, halves []byte, err error) {
	at, width, err := model.Tensors(file)
	if err != nil {
		return nil, nil, err
	}
	if width != 2 || (len(file)-at)%2 != 0 {
		return nil, nil, fmt.Errorf("its tensors are not halves")
	}
	return file[:at], file[at:], nil
}

// ordered maps a half's bits to integers in the order of the numbers: neighbours differ by one, over zero too.
func ordered(h uint16) uint16 {
	if h&0x8000 != 0 {
		return ^h
	}
	return h | 0x8000
}

// unordered undoes ordered.
func unordered(u uint16) uint16 {
	if u&0x8000 != 0 {
		return u &^ 0x8000
	}
	return ^u
}

// zigzag maps differences 0, -1, 1, -2, … to 0, 1, 2, 3, …: small ones of both signs to small words. Differences are modulo 2^16.
func zigzag(d uint16) uint16 { return d<<1 ^ -(d >> 15) }

// unzigzag undoes zigzag.
func unzigzag(z uint16) uint16 { return z>>1 ^ -(z & 1) }

// planes holds the differences of all words, in zigzag. Those whose halves of the base have one exponent stand together, the largest
// exponent first: a step of training is about as large everywhere, and counted in units of the last place it is the larger the smaller the
// exponent. Of each exponent first the high bytes, then the low ones, in the order of the file.
type planes struct {
	bytes []byte
	count [exponents]int // words of each exponent
	start [exponents]int // where their high bytes start
}

func newPlanes(base []byte) *planes {
	p := &planes{bytes: make([]byte, len(base))}
	for i := 0; i < len(base); i += 2 {
		p.count[exponent(base, i)]++
	}
	at := 0
	for e := exponents - 1; e >= 0; e-- {
		p.start[e] = at
		at += 2 * p.count[e]
	}
	return p
}

// each visits all words in the order of the file: the place of the word in the base, and those of its high and low byte.
func (p *planes) each(base []byte, visit func(word, high, low int)) {
	next := p.start
	for i := 0; i < len(base); i += 2 {
		e := exponent(base, i)
		visit(i, next[e], next[e]+p.count[e])
		next[e]++
	}
}

func exponent(halves []byte, at int) int {
	return int(binary.LittleEndian.Uint16(halves[at:])) >> 10 & (exponents - 1)
}

// alike says whether two files differ in nothing but the values of their tensors.
func alike(baseHead, base, nextHead, next []byte) bool {
	return bytes.Equal(baseHead, nextHead) && len(base) == len(next)
}
