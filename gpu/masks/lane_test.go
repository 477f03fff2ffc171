package masks

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/gpu/gputest"
)

// TestKeysAreWiped looks into the memory that held the keys: the pool hands it out next, and before that it was filled with something.
func TestKeysAreWiped(t *testing.T) {
	const filled = 0xa5
	d := gputest.Open(t)
	s := gputest.Stream(t, d)
	e, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	before, err := d.Alloc(stagedLen)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Fill(before, 0, stagedLen, filled), s.Wait()); err != nil {
		t.Fatal(err)
	}
	before.Free()
	terms := make([]aggregation.Term, batchTerms+300)
	for i := range terms {
		terms[i].Key = sha256.Sum256(fmt.Append(nil, i))
	}
	for _, n := range []int{300, len(terms)} {
		if _, err := e.Expand(aggregation.Shape{D: 50, WordBits: 32, PRG: aggregation.PRGAES256}, terms[:n]); err != nil {
			t.Fatal(err)
		}
		after, err := d.Alloc(stagedLen)
		if err != nil {
			t.Fatal(err)
		}
		device := make([]byte, stagedLen)
		if err := errors.Join(s.Download(device, after, 0), s.Wait()); err != nil {
			t.Fatal(err)
		}
		after.Free()
		host := e.lanes[0].staged.Bytes()
		for i, term := range terms[:n] {
			if at := min(i, batchTerms-1) * keyBytes; !bytes.Equal(device[at:at+keyBytes], make([]byte, keyBytes)) || !bytes.Equal(host[at:at+keyBytes], make([]byte, keyBytes)) {
				t.Fatalf("%d terms: the place of key %d is not zero", n, i)
			}
			if i < 2 && (bytes.Contains(device, term.Key[:16]) || bytes.Contains(host, term.Key[:16])) {
				t.Fatalf("%d terms: key %d is still there", n, i)
			}
		}
		if n == 300 && device[300*keyBytes] != filled {
			t.Fatal("this is other memory than the keys were in: the test sees nothing")
		}
	}
}
