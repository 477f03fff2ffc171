package train

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/cmd/internal/titles"
	"github.com/cinesync/cinesync/sim/learning"
)

// idle is a backend that learns nothing in its first rounds, and then fails.
type idle struct{ after, asked int }

func (b *idle) Train(_ []int32, c learning.Cohort) ([]learning.Part, error) {
	if b.asked++; b.asked > b.after {
		return nil, errors.New("unplugged")
	}
	return make([]learning.Part, len(c.Histories)), nil
}

// TestTheReportSaysWhatTrained takes a backend away at every stage of a run: two seeds of twelve rounds, and the same without noise.
func TestTheReportSaysWhatTrained(t *testing.T) {
	const rounds, all = 12, 2 * 2 * 12
	o := Options{Task: small(t, "ml-1m-eps8", nil), Data: world(t, 40)}
	here, served := run(t, o)
	if here.By != "cpu" {
		t.Errorf("without a backend it is trained by %q", here.By)
	}
	for _, c := range []struct {
		after, asked int
		by, told     string
	}{
		{all, all, "Abacus 9", ""},
		{0, 1, "cpu", "round 1:"},
		{rounds + 2, rounds + 3, "Abacus 9, then cpu", "round 3:"},
		{2*rounds + 4, 2*rounds + 5, "Abacus 9, then cpu", "round 5:"},
	} {
		t.Run(fmt.Sprint("fails after ", c.after), func(t *testing.T) {
			b := &idle{after: c.after}
			var told []string
			o.Backend, o.GPU, o.Told = b, "Abacus 9", func(err error) { told = append(told, err.Error()) }
			r, s := run(t, o)
			if r.By != c.by || b.asked != c.asked {
				t.Errorf("trained by %q, and the backend was asked %d times; want %q and %d", r.By, b.asked, c.by, c.asked)
			}
			if (len(told) > 0) != (c.told != "") || c.told != "" && (len(told) != 1 || !strings.HasPrefix(told[0], c.told) || !strings.Contains(told[0], "unplugged")) {
				t.Errorf("told %q, want one of %q", told, c.told)
			}
			if same := bytes.Equal(s.Encode(), served.Encode()); same != (c.after == 0) {
				t.Errorf("the CPU's model came out: %v", same)
			}
			var text bytes.Buffer
			if err := r.Print(&text); err != nil || !strings.Contains(text.String(), "hand engine, trained by "+c.by+": ") {
				t.Errorf("%v\n%s", err, text.String())
			}
		})
	}
}

// TestAHeadsBaseGoesToTheBackendToo loses it in the base's second round, and wants it asked no more, in the head or with another seed.
func TestAHeadsBaseGoesToTheBackendToo(t *testing.T) {
	head, err := task.Named("ml-100k-hybrid")
	if err != nil {
		t.Fatal(err)
	}
	head.Rounds.Count = 2
	d := world(t, 200)
	job, err := NewJob(head, titles.IDs(d.Titles), nil, examples(d.Split.Train))
	if err != nil {
		t.Fatal(err)
	}
	job.Base.Task.Rounds.Count = 3
	b, told := &idle{after: 1}, 0
	p := &place{Backend: b, name: "Abacus 9", told: func(error) { told++ }}
	p.take(job)
	for _, seed := range []uint64{1, 2} {
		if _, err := job.Fit(t.Context(), seed); err != nil {
			t.Fatal(err)
		}
	}
	if b.asked != 2 || told != 1 || p.by() != "Abacus 9, then cpu" {
		t.Errorf("asked %d times, told %d times, trained by %q", b.asked, told, p.by())
	}
}
