package topk

import (
	"testing"

	"pgregory.net/rapid"
)

// TestPlansFit draws tables and devices: what the kernels take for granted of a plan holds.
func TestPlansFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		titles := rapid.OneOf(rapid.IntRange(1, 70_000), rapid.IntRange(1, 1<<24)).Draw(t, "titles")
		dim := rapid.IntRange(1, maxDim).Draw(t, "dim")
		processors := rapid.OneOf(rapid.IntRange(1, 200), rapid.IntRange(1, 2000)).Draw(t, "processors")
		shared := rapid.SampledFrom([]int{99 << 10, 163 << 10, 227 << 10}).Draw(t, "shared")
		p := newPlan(titles, dim, processors, shared)
		switch {
		case p.tiles*tile < titles || (p.tiles-1)*tile >= titles:
			t.Fatalf("%d tiles for %d titles", p.tiles, titles)
		case p.width < dim || p.width%32 != 0 || p.width > maxDim:
			t.Fatalf("width %d for %d", p.width, dim)
		case p.rows*p.width > 128*256 || p.rows > 256 || p.rows%128 != 0 || p.padded(1) != p.rows || p.padded(p.rows+1) != 2*p.rows:
			t.Fatalf("blocks of %d queries of width %d", p.rows, p.width)
		case p.shared > shared || p.stages < 2 || p.stages > 4:
			t.Fatalf("%d stages take %d bytes of %d", p.stages, p.shared, shared)
		case p.blocks < 1 || p.blocks > p.tiles || p.sampleBlocks < 1 || p.sampleBlocks > p.sampled:
			t.Fatalf("blocks: %+v", p)
		case (p.sampled-1)*p.every >= p.tiles || p.sampled*p.every < p.tiles:
			t.Fatalf("every %d-th, %d times, of %d tiles", p.every, p.sampled, p.tiles)
		case p.slots > maxSlots || p.slots < lanesOf:
			t.Fatalf("%d groups: %+v", p.slots, p)
		}
		// Each group that a block writes has its slot: the same sum as in topk_sample.
		own := (p.sampled + p.sampleBlocks - 1) / p.sampleBlocks
		if last := ((own-1)/p.together*p.sampleBlocks+p.sampleBlocks-1)*lanesOf + lanesOf - 1; last != p.slots-1 {
			t.Fatalf("the last slot is %d of %d: %+v", last, p.slots, p)
		}
	})
}

func TestWideVectorsGoWithoutTensorCores(t *testing.T) {
	p := newPlan(1000, maxDim+1, 132, 227<<10)
	if p.width != 0 || p.padded(3) != 3 {
		t.Errorf("%+v", p)
	}
}

func TestMasksLimitAPass(t *testing.T) {
	p := newPlan(1<<24, 64, 132, 227<<10)
	if with, without := p.queries(true), p.queries(false); with != 32 || without != pass {
		t.Errorf("%d queries with masks, %d without", with, without)
	}
}
