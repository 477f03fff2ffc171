package task

// Version is the only version of the file that there is.
const Version = 1

// Task is a task file. Every field must be there, except those tagged opt, whose zero is what the comment says.
type Task struct {
	Version    int        `toml:"version"` // 1
	Name       string     `toml:"name"`    // of letters, digits and "-._"; reports show it
	Purpose    string     `toml:"purpose"` // in plain words; devices show it to their owners
	Model      Model      `toml:"model"`
	Data       Data       `toml:"data"`
	Rounds     Rounds     `toml:"rounds"`
	Grid       Grid       `toml:"grid"`
	Noise      Noise      `toml:"noise"`
	Popularity Popularity `toml:"popularity" opt:"table"`
	Population Population `toml:"population" opt:"table"`
	Local      Local      `toml:"local"`
	Optimizer  Optimizer  `toml:"optimizer"`
	Run        Run        `toml:"run" opt:"table"`
}

// Model is what is trained, and what it is before any round.
type Model struct {
	Family string    `toml:"family"` // two-tower or ncf; or sequential or hybrid, heads over a frozen two-tower
	Dim    int       `toml:"dim"`    // width of an item vector
	Ages   []float32 `toml:"ages"`   // channels of the pooled history: 0 weighs all alike, a > 0 by exp(-age/a), age 0 the newest
	Start  string    `toml:"start"`  // content: item vectors from public facts about titles; random: the same random ones for everybody
	// Base names the built-in task of the two-tower that a head is trained over, of the same width, channels and start. Heads alone have one.
	Base string `toml:"base" opt:"field"`
	// Scale multiplies the starting item vectors, whose rows have root mean square norm 1. 0: 1.
	Scale float32 `toml:"scale" opt:"field"`
	// Halves stores the model as binary16: half the download, and steps below its precision wait beside the optimiser. False: float32.
	Halves bool `toml:"halves" opt:"field"`
	// Fresh serves titles that the popularity question does not tell from noise by rows foretold from public facts (model.Fresh). False: as they
	// come out of training.
	Fresh bool `toml:"fresh" opt:"field"`
	// Groups are clip-group factors by tensor: they multiply an update before it is clipped and divide the mean. 1 where left out.
	Groups map[string]float32 `toml:"groups" opt:"field"`
}

// Data is what is learned from and what is held out. Nothing that is held out or set aside reaches training.
type Data struct {
	Set      string `toml:"set"`       // name of the data set's folder, such as ml-1m
	Layout   string `toml:"layout"`    // movielens: ratings with times as GroupLens gives them; pairs: user and item in time order (NCF)
	SetAside string `toml:"set_aside"` // newest: each person's newest title is the test split, dropped before anything else; none: it is not there
	HoldOut  string `toml:"hold_out"`  // newest: each person's newest title of those left is what models are judged by; none: train on all
	Titles   string `toml:"titles"`    // all: those of the data set; watched: those that somebody watched in training
	Least    int    `toml:"least"`     // people with fewer titles to train on take no part
	// People is how many of the data set's people there are, the first of the file; 0: all.
	People int `toml:"people" opt:"field"`
	// NewTitles is how many titles, drawn from all watched ones with a fixed seed, no training sees; people are judged by the newest of them
	// that they watched, instead of by the newest of all. 0: none.
	NewTitles int `toml:"new_titles" opt:"field"`
	// Facts are folders beside the set's from which facts are taken that it lacks, by id or by name and year.
	Facts []string `toml:"facts" opt:"field"`
}

// Rounds is how many there are and of whom.
type Rounds struct {
	Count  int `toml:"count"`
	Cohort int `toml:"cohort"` // people of the data who train in a round, drawn anew for each; 0: everybody
	// Participations is the hard stop of each device where a larger population is simulated; 0: all rounds. Without simulation rounds are drawn
	// freely, and only all rounds are true.
	Participations int `toml:"participations" opt:"field"`
}

// Grid turns clipped updates into integers.
type Grid struct {
	Clip     float32 `toml:"clip"`              // largest L2 norm of an update, C
	CInt     uint32  `toml:"c_int"`             // the same in grid units; 0: ⌈8√d⌉+1, the least of 32-bit words
	XMax     uint32  `toml:"x_max" opt:"field"` // most of one coordinate; 0: c_int
	WordBits uint16  `toml:"word_bits"`         // 32, 24 or 16
}

// Noise is given by its multiplier or by the ε that it must reach, over all rounds and the popularity question together. Both 0: none, as only
// simulations may.
type Noise struct {
	Multiplier float64 `toml:"multiplier" opt:"field"` // z: standard deviation of a sum's noise over c_int
	Epsilon    float64 `toml:"epsilon" opt:"field"`
	Delta      float64 `toml:"delta" opt:"field"` // of the ε that is aimed at or reported
	// Conditional adds a second figure that holds only if the coordinator samples honestly: poisson. It is marked so wherever it is shown.
	Conditional string `toml:"conditional" opt:"field"`
}

// Popularity is a question of one round before training: how many watched each title, each device's answer scaled to norm 1. The title
// biases start from its noisy logarithm.
type Popularity struct {
	Ask      bool    `toml:"ask"`
	Share    float64 `toml:"share" opt:"field"`    // its part of the whole ρ
	Strength float32 `toml:"strength" opt:"field"` // multiplies the logarithm; 0: 1
	Floor    float64 `toml:"floor" opt:"field"`    // is added to each count before the logarithm; 0: the noise's standard deviation, and 1 at least
}

// Population simulates more people than the data has: the gradients stay theirs, and the noise of a mean is that of so many members.
type Population struct {
	People  int `toml:"people" opt:"field"`  // 0: those of the data
	Members int `toml:"members" opt:"field"` // of one round; 0: everybody
}

// Local is the local function, whose hash is a round's code_hash.
type Local struct {
	Steps     uint32  `toml:"steps"`            // of gradient descent
	Cuts      uint32  `toml:"cuts"`             // random places a step at which the history is cut into past and next titles
	Next      uint32  `toml:"next"`             // titles after each cut that are to be foretold
	Negatives uint32  `toml:"negatives"`        // sampled titles a step that they compete with; 0: the whole catalogue
	Dropout   float32 `toml:"dropout"`          // part of the past left out
	Rate      float32 `toml:"rate"`             // of item vectors and biases
	RateDense float32 `toml:"rate_dense"`       // of the small dense tensors
	Rank      uint32  `toml:"rank" opt:"field"` // columns that are sent of the item vectors' update; 0: all
}

// Optimizer is the coordinator's half.
type Optimizer struct {
	Rate          float32 `toml:"rate"`           // of the first round
	Beta1         float32 `toml:"beta1"`          // weight of the past in the first moment
	Beta2         float32 `toml:"beta2"`          // and in the second
	Average       float32 `toml:"average"`        // and in the served average of models
	PerCoordinate bool    `toml:"per_coordinate"` // a second moment for each parameter, of use without noise; else one a tensor
	Schedule      string  `toml:"schedule"`       // cosine: the rate falls to 0 over the rounds
}

// Run is how a measurement repeats it.
type Run struct {
	Seeds  []uint64 `toml:"seeds" opt:"field"`  // one training each; none: 1, 2, 3
	Engine string   `toml:"engine" opt:"field"` // hand or gorgonia; empty: hand
}

// filled puts in what was left out.
func (t *Task) filled() {
	if t.Model.Scale == 0 {
		t.Model.Scale = 1
	}
	if t.Popularity.Ask && t.Popularity.Strength == 0 {
		t.Popularity.Strength = 1
	}
	if len(t.Run.Seeds) == 0 {
		t.Run.Seeds = []uint64{1, 2, 3}
	}
	if t.Run.Engine == "" {
		t.Run.Engine = HandEngine
	}
}
