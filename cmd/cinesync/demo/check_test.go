package demo

import (
	"encoding/hex"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/coordinator"
)

// closed is the end of a round whose sum was made of these vectors, and which says that these members are in it.
func closed(vectors map[[32]byte][]uint32, summed, named []byte) coordinator.Event {
	sum := make([]uint32, 3)
	for _, id := range summed {
		aggregation.Add(sum, vectors[[32]byte{id}])
	}
	hash := aggregation.SumHash(aggregation.Signed(sum, 32))
	e := coordinator.Event{Kind: "round", Round: 7, Outcome: "done", Sum: hex.EncodeToString(hash[:])}
	for _, id := range named {
		key := [32]byte{id}
		e.Members = append(e.Members, hex.EncodeToString(key[:]))
	}
	return e
}

func someVectors() map[[32]byte][]uint32 {
	return map[[32]byte][]uint32{{1}: {1, 2, 1<<32 - 3}, {2}: {10, 20, 30}, {3}: {100, 1<<32 - 200, 300}, {4}: {0, 0, 0}}
}

func TestSumIsCheckedAgainstExactlyItsMembers(t *testing.T) {
	for name, c := range map[string]struct {
		summed, named []byte
		want          bool
	}{
		"all":                         {[]byte{1, 2, 3}, []byte{1, 2, 3}, true},
		"another order":               {[]byte{1, 2, 3}, []byte{3, 1, 2}, true},
		"one":                         {[]byte{2}, []byte{2}, true},
		"a member is not in the sum":  {[]byte{1, 2}, []byte{1, 2, 3}, false},
		"the sum holds a stranger":    {[]byte{1, 2, 3}, []byte{1, 2}, false},
		"a member was never charged":  {[]byte{1, 2}, []byte{1, 2, 9}, false},
		"a member is counted twice":   {[]byte{1, 2, 2}, []byte{1, 2, 2}, false},
		"an empty one is named twice": {[]byte{1, 4}, []byte{1, 4, 4}, false},
		"nobody":                      {nil, nil, false},
	} {
		v := someVectors()
		if ok, err := sumOK(closed(v, c.summed, c.named), v); err != nil || ok != c.want {
			t.Errorf("%s: %v, %v, want %v", name, ok, err, c.want)
		}
	}
}

func TestSumThatIsOffByOneWordIsSeen(t *testing.T) {
	v := someVectors()
	e := closed(v, []byte{1, 2, 3}, []byte{1, 2, 3})
	for id, words := range v {
		for i := range words {
			if id == [32]byte{4} {
				continue // not a member
			}
			words[i]++
			if ok, err := sumOK(e, v); ok || err != nil {
				t.Errorf("word %d of member %d: %v, %v", i, id[0], ok, err)
			}
			words[i]--
		}
	}
	if ok, err := sumOK(e, v); !ok || err != nil {
		t.Errorf("unchanged: %v, %v", ok, err)
	}
}

func TestSumOfMembersWithoutKeysIsAnError(t *testing.T) {
	v := someVectors()
	for _, bad := range []string{"", "01", "zz", hex.EncodeToString(make([]byte, 33))} {
		e := closed(v, []byte{1}, []byte{1})
		e.Members = append(e.Members, bad)
		if ok, err := sumOK(e, v); ok || err == nil {
			t.Errorf("member %q: %v, %v", bad, ok, err)
		}
	}
}
