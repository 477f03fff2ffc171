package masks_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/gputest"
	"github.com/cinesync/cinesync/gpu/masks"
)

func rowAdder(t testing.TB, d *gpu.Device) *masks.Rows {
	t.Helper()
	r, err := masks.NewRows(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// TestRowsAreSummed compares with a loop, with what lies between rows and behind the sum poisoned.
func TestRowsAreSummed(t *testing.T) {
	d := gputest.Open(t)
	r, s := rowAdder(t, d), gputest.Stream(t, d)
	random := rand.New(rand.NewPCG(7, 7))
	for _, c := range []struct{ count, stride, words int }{
		{0, 4, 4}, {1, 1, 1}, {3, 8, 8}, {3, 9, 7}, {256, 1028, 1025}, {17, 4096, 4096}, {33, 1027, 1027}, {5, 100_004, 100_001},
	} {
		rows := make([]uint32, max(c.count*c.stride, 1))
		for i := range rows {
			rows[i] = random.Uint32()
		}
		want, got := make([]uint32, c.words+3), make([]uint32, c.words+3)
		for i := range want {
			want[i] = 0xa5a5a5a5
			for j := 0; i < c.words && j < c.count; j++ {
				if j == 0 {
					want[i] = 0
				}
				want[i] += rows[j*c.stride+i]
			}
			if i < c.words && c.count == 0 {
				want[i] = 0
			}
		}
		in, out := alloc(t, d, 4*len(rows)), alloc(t, d, 4*len(got))
		err := errors.Join(s.Upload(in, 0, gpu.Bytes(rows)), s.Fill(out, 0, out.Len(), 0xa5), r.Sum(s, out, in, c.count, c.stride, c.words),
			s.Download(gpu.Bytes(got), out, 0), s.Wait())
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%+v: word %d is %08x, want %08x", c, i, got[i], want[i])
			}
		}
		if err := r.Sum(s, out, in, c.count+2, c.stride, c.words); !errors.Is(err, gpu.ErrSize) {
			t.Errorf("%+v: two rows more gave %v", c, err)
		}
	}
}

func alloc(t testing.TB, d *gpu.Device, n int) *gpu.Buffer {
	t.Helper()
	b, err := d.Alloc(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Free)
	return b
}
