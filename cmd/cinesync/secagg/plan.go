package secagg

import (
	"fmt"
	"math"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
)

// Shape is a round as a planner sees it.
type Shape struct {
	Devices          int // n, the roster
	GammaBP, DeltaBP int // basis points: corrupt members withstood, losses withstood between roster and survivors
	Lambda, Eta      int // security and completion bits of the graph
	Mode             aggregation.Mode
	Dim              int     // d, words of a vector
	WordBits         int     // of a word on the wire: 32, 24 or 16; 0: the smallest that carry the round under Noise
	Noise            float64 // z = σ_tot/C_int, for the choice of WordBits alone
	PRG              uint16
	Hybrid           Hybrid
	Cohorts          int // groups that are summed by themselves; the last n mod cohorts members are left out
	DropBP           int // basis points really lost between shares and vectors; at most DeltaBP
	LogSize          uint64
	Witnesses        int // whose cosignatures a checkpoint carries
}

// Hybrid says which post-quantum halves a round carries (14.1).
type Hybrid struct {
	Kex bool // X-Wing beside X25519
	Sig bool // ML-DSA-44 beside Ed25519
}

// Rate is how fast this machine makes masks and adds them, in bytes of keystream a second.
type Rate struct {
	OneCore  float64 `json:"one_core_bytes_per_second"`
	AllCores float64 `json:"all_cores_bytes_per_second"`
	Measured bool    `json:"measured"`
}

// Phase is what one device sends and receives in one phase, frames and all.
type Phase struct {
	Name string `json:"phase"`
	Up   int64  `json:"up_bytes"`
	Down int64  `json:"down_bytes"`
}

// Plan is what a round of a shape costs.
type Plan struct {
	Devices  int     `json:"devices"`
	Mode     string  `json:"mode"`
	K        int     `json:"k"`
	T        int     `json:"t"`
	Complete bool    `json:"complete_graph"`
	Dim      int     `json:"dim"`
	WordBits int     `json:"word_bits"`
	Phases   []Phase `json:"phases"`
	Up       int64   `json:"up_bytes"`
	Down     int64   `json:"down_bytes"`
	Float32  int64   `json:"float32_bytes"`
	UpRatio  float64 `json:"up_ratio"`
	// The model itself, 4d bytes and its layout, comes once a round beside Down.
	DownRatio float64 `json:"down_ratio"`

	Survivors       int   `json:"survivors"`
	Lost            int   `json:"lost"`
	DeviceKeystream int64 `json:"device_keystream_bytes"`
	ServerKeystream int64 `json:"coordinator_keystream_bytes"`
	Rate            Rate  `json:"rate"`
	// Seconds of one core on a device, and of all of this machine's cores on the coordinator.
	DeviceSeconds float64 `json:"device_seconds"`
	ServerSeconds float64 `json:"coordinator_seconds"`

	DeviceMemory int64 `json:"device_memory_bytes"`
	ServerMemory int64 `json:"coordinator_memory_bytes"`
	ServerDisk   int64 `json:"coordinator_disk_bytes"`

	Cohorts *Cohorts `json:"cohorts,omitempty"`
}

// Cohorts is what cutting a round into groups costs in privacy (14.2): each sum hides a device among fewer others, and a
// model step from all of them carries more noise.
type Cohorts struct {
	Count   int `json:"count"`
	Members int `json:"members_each"`
	LeftOut int `json:"left_out"`
	// NoiseFactor is by how much the noise of the mean grows: the root of Count.
	NoiseFactor float64 `json:"noise_factor"`
	Corrupt     int     `json:"corrupt_at_most"` // of one cohort
	Honest      int     `json:"honest_at_least"` // survivors of one cohort, who carry its noise
	// HonestOfOne is the same of the whole roster in one sum.
	HonestOfOne int `json:"honest_at_least_in_one_sum"`
}

// Plan finds degree and threshold, encodes a round's messages and counts.
func (s Shape) Plan(rate Rate) (Plan, error) {
	if err := s.validate(); err != nil {
		return Plan{}, err
	}
	out := s.Devices % s.Cohorts
	s.Devices -= out
	if s.WordBits == 0 {
		g, _, err := aggregation.FitGrid(1, s.Dim, s.Devices/s.Cohorts, s.Noise, 0)
		if err != nil {
			return Plan{}, flagError("noise", "%v: %v", s.Noise, err)
		}
		s.WordBits = int(g.WordBits)
	}
	graph := aggregation.GraphParams{N: s.Devices, GammaBP: s.GammaBP, DeltaBP: s.DeltaBP, Lambda: s.Lambda, Eta: s.Eta, Mode: s.Mode, Cohorts: s.Cohorts}
	d, err := aggregation.FindDegree(graph)
	if err != nil {
		return Plan{}, err
	}
	phases, err := s.phases(d)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Devices: s.Devices, Mode: s.Mode.String(), K: d.K, T: d.T, Complete: d.K == s.Devices/s.Cohorts-1, Dim: s.Dim, WordBits: s.WordBits, Phases: phases, Float32: 4 * int64(s.Dim), Rate: rate}
	for _, ph := range phases {
		p.Up, p.Down = p.Up+ph.Up, p.Down+ph.Down
	}
	p.UpRatio, p.DownRatio = float64(p.Up)/float64(p.Float32), float64(p.Down)/float64(p.Float32)
	p.Lost = s.Devices * s.DropBP / rateBP
	p.Survivors = s.Devices - p.Lost
	s.work(&p, d.K)
	if s.Cohorts > 1 {
		if p.Cohorts, err = s.cohorts(graph); err != nil {
			return Plan{}, err
		}
		p.Cohorts.LeftOut = out
	}
	return p, nil
}

func (s Shape) cohorts(graph aggregation.GraphParams) (*Cohorts, error) {
	each := s.Devices / s.Cohorts
	corrupt, err := aggregation.CohortCorrupt(graph)
	if err != nil {
		return nil, err
	}
	c := &Cohorts{Count: s.Cohorts, Members: each, NoiseFactor: math.Sqrt(float64(s.Cohorts)), Corrupt: corrupt,
		Honest: privacy.CohortFloor(each, corrupt, s.DeltaBP), HonestOfOne: privacy.HonestFloor(s.Devices, s.GammaBP, s.DeltaBP)}
	if c.Honest < 1 {
		return nil, flagError("cohorts", "%d: of %d members each, %d may be corrupt and %d lost, which leaves no honest one to carry the noise",
			s.Cohorts, each, corrupt, each-aggregation.MinSurvivors(each, s.DeltaBP))
	}
	return c, nil
}

const rateBP = 10_000

// work counts keystream (18.1): a device makes its self mask and one for each neighbour; the coordinator one for each survivor,
// and for each lost member those that it shared with neighbours who survive.
func (s Shape) work(p *Plan, k int) {
	vector := s.vectorBytes()
	p.DeviceKeystream = vector * int64(k+1)
	left := int64(math.Round(float64(k) * float64(p.Survivors) / float64(s.Devices)))
	p.ServerKeystream = vector * (int64(p.Survivors) + int64(p.Lost)*left)
	p.DeviceSeconds = float64(p.DeviceKeystream) / p.Rate.OneCore
	p.ServerSeconds = float64(p.ServerKeystream) / p.Rate.AllCores
	words := 4 * int64(s.Dim)
	p.DeviceMemory = max(2*words, words+vector)      // each step reads one vector and writes the next: integers, noised words, masked bytes
	p.ServerMemory = int64(s.Cohorts)*words + vector // a sum for each cohort, and the one vector that is being added
	p.ServerDisk = vector * int64(s.Devices)
}

func (s Shape) vectorBytes() int64 { return int64(s.Dim) * int64(s.WordBits/8) }

func (s Shape) validate() error {
	switch {
	case s.Devices < aggregation.MinDevices || s.Devices > maxRoster:
		return flagError("devices", "%d: want %d to %d", s.Devices, aggregation.MinDevices, maxRoster)
	case s.Cohorts < 1 || s.Cohorts > audit.MaxCohorts || s.Devices/s.Cohorts < aggregation.MinDevices:
		return flagError("cohorts", "%d: want 1 to %d, each of at least %d members", s.Cohorts, audit.MaxCohorts, aggregation.MinDevices)
	case s.Dim < 1 || s.Dim > maxDim:
		return flagError("dim", "%d: want 1 to %d, which is what one upload can carry", s.Dim, maxDim)
	case s.WordBits != 0 && s.WordBits != 32 && s.WordBits != 24 && s.WordBits != 16:
		return flagError("word-bits", "%d: want 32, 24 or 16", s.WordBits)
	case !(s.Noise >= 0 && s.Noise <= 1000):
		return flagError("noise", "%v: want 0 to 1000", s.Noise)
	case s.Lambda < 1 || s.Lambda > 256:
		return flagError("lambda", "%d: want 1 to 256 bits", s.Lambda)
	case s.Eta < 1 || s.Eta > 256:
		return flagError("eta", "%d: want 1 to 256 bits", s.Eta)
	case s.GammaBP < 0 || s.GammaBP >= rateBP:
		return flagError("gamma", "%d basis points: want 0 to 9999", s.GammaBP)
	case s.DeltaBP < 0 || s.DeltaBP >= rateBP:
		return flagError("delta", "%d basis points: want 0 to 9999", s.DeltaBP)
	case s.DropBP < 0 || s.DropBP > s.DeltaBP:
		return flagError("dropouts", "%d basis points: want 0 to delta, %d", s.DropBP, s.DeltaBP)
	}
	return nil
}

// FlagError is a mistake in one flag.
type FlagError struct{ Flag, Detail string }

// Error names the flag as it is written.
func (e FlagError) Error() string { return fmt.Sprintf("--%s is %s", e.Flag, e.Detail) }

func flagError(flag, format string, args ...any) error {
	return FlagError{flag, fmt.Sprintf(format, args...)}
}
