package train

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// planned wants the chunks to be the whole cohort in order.
func planned(t rapid.TB, j *job, free int64, processors int) []span {
	t.Helper()
	spans, err := j.plan(free, processors)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, s := range spans {
		lists := 0
		for i := s.from; i < s.to; i++ {
			lists += j.listsOf(i)
		}
		if s.from != at || s.to <= s.from || s.lists != lists {
			t.Fatalf("%+v after member %d, whose lists hold %d", s, at, lists)
		}
		at = s.to
	}
	if at != len(j.cohort.Histories) {
		t.Fatalf("%d of %d members have a chunk", at, len(j.cohort.Histories))
	}
	return spans
}

// TestChunksFitWhatIsLeft gives updates that are short beside their lists ever less memory: chunks shrink before they do not fit, and
// grow again where slots of a cohort before are there already.
func TestChunksFitWhatIsLeft(t *testing.T) {
	co := cohort(t, shape{titles: 300, dim: 1, members: 400, longest: 200, ages: []float32{0, 4}, local: local(4, 64, 5, 0, 0.3)}, 1)
	whole := &job{cohort: co, stride: (co.Model.Layout.Size() + 31) / 32 * 32}
	one, err := whole.cut(1, 132)
	if err != nil {
		t.Fatal(err)
	}
	least := whole.needs(one) // with chunks of one member
	enough := whole.needs(planned(t, whole, 1<<40, 132))
	if n := len(planned(t, whole, 2*enough, 132)); n != 1 {
		t.Errorf("%d chunks where all is there", n)
	}
	rapid.Check(t, func(t *rapid.T) {
		j := *whole
		free := rapid.Int64Range(least, enough).Draw(t, "free")
		for i := range j.held {
			j.held[i] = rapid.SampledFrom([]int{0, 1 << 16, 1 << 30}).Draw(t, "held")
		}
		spans := planned(t, &j, free, 132)
		if need := j.needs(spans); need > free {
			members, lists := largest(spans)
			t.Fatalf("%d chunks of at most %d members and %d titles need %d bytes, and %d are left", len(spans), members, lists, need, free)
		}
		members, _ := largest(spans)
		bare, _ := largest(planned(t, whole, free, 132))
		if members < bare {
			t.Fatalf("chunks of %d members where slots are held, of %d where none are", members, bare)
		}
	})
	if spans := planned(t, whole, least-1, 132); len(spans) != len(co.Histories) {
		t.Errorf("%d chunks where one member does not fit", len(spans))
	}
}

// TestWhatASlotNeeds is held against the bytes that open asks for: two slots, a quarter more than is used, and the updates.
func TestWhatASlotNeeds(t *testing.T) {
	co := cohort(t, small([3]float32{}), 1)
	j := &job{cohort: co, stride: 64}
	two := []span{{to: 1, lists: 100}, {from: 1, to: 2, lists: 1000}}
	end := layOut(co.Local, 1, 1000).end
	if end < 4000+sizeOf[member]() || end > 4000+sizeOf[member]()+7*256+2*3*16+2*8+28 {
		t.Fatalf("a slot of %d bytes", end)
	}
	if got, want := j.needs(two), int64(4*64+2*(end+end/4)); got < want || got > want+want/8+3*256 {
		t.Errorf("needs %d bytes, takes %d", got, want)
	}
	bare := j.needs(two)
	j.held = [slots]int{end, 0}
	if got, want := bare-j.needs(two), int64(end+end/4); got < want || got > want+want/8+256 {
		t.Errorf("a slot that is held saves %d bytes of %d", got, want)
	}
	j.held = [slots]int{end, end}
	if got := j.needs(two); got != 4*64+4*64/8+256 {
		t.Errorf("needs %d bytes with both slots held, want those of the updates", got)
	}
}

func TestListsThatAreTooLongAreRefused(t *testing.T) {
	co := cohort(t, small([3]float32{}), 1)
	co.Local.Steps = mostOfOne
	if _, err := (&job{cohort: co, stride: 64}).plan(1<<40, 132); !errors.Is(err, ErrShape) {
		t.Errorf("got %v", err)
	}
}
