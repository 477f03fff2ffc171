package model

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// Limits of a layout. They are checked while parsing, before memory is taken, and again when a layout is built.
const (
	MaxItems     = 1 << 20 // titles in one model
	MaxParams    = 1 << 27 // coordinates of one model, 512 MiB
	MaxIDBytes   = 128     // one title id
	maxNameBytes = 32      // family and tensor names
	maxTensors   = 32
	maxRank      = 4
	maxDim       = 1 << 12
	maxAges      = 8
)

// Tensor is one named block of parameters, row-major.
type Tensor struct {
	Name  string
	Shape []int
	Group float32 // public clip-group factor: multiplies an update before it is clipped, divides it after decoding (design: privacy 4.4). 0: frozen, never sent nor stepped
}

// Size is the number of coordinates.
func (t Tensor) Size() int {
	n := 1
	for _, s := range t.Shape {
		n *= s
	}
	return n
}

// Layout says what each coordinate of a model is: the family, its tensors in order, and the titles in order. Item i is row
// i of the item table.
type Layout struct {
	Family  string    // TwoTower or NCF
	Dim     int       // width of an item vector
	Ages    []float32 // channels that pool a history: 0 weighs all alike, a > 0 by exp(−age/a), age 0 the newest item
	Tensors []Tensor
	Items   []string
}

// Size is the number of coordinates of all tensors.
func (l Layout) Size() int {
	n := 0
	for _, t := range l.Tensors {
		n += t.Size()
	}
	return n
}

// Hash is the SHA-256 of the layout section of the snapshot file: the layout_hash of rounds and questions.
func (l Layout) Hash() [32]byte { return sha256.Sum256(l.append(nil)) }

// Index gives the position of every title id.
func (l Layout) Index() map[string]int {
	index := make(map[string]int, len(l.Items))
	for i, id := range l.Items {
		index[id] = i
	}
	return index
}

// Offset is where the named tensor starts in the parameter vector, and its number of coordinates.
func (l Layout) Offset(name string) (start, size int, ok bool) {
	for _, t := range l.Tensors {
		if t.Name == name {
			return start, t.Size(), true
		}
		start += t.Size()
	}
	return 0, 0, false
}

var errItems = errors.New("a model needs at least two titles")

// Validate checks everything that holds for any family: limits, names, shapes, factors, and that no title comes twice.
func (l Layout) Validate() error {
	if err := checkName("family", l.Family); err != nil {
		return err
	}
	if l.Dim < 1 || l.Dim > maxDim {
		return fmt.Errorf("layout: width %d is outside 1 to %d", l.Dim, maxDim)
	}
	if len(l.Ages) < 1 || len(l.Ages) > maxAges {
		return fmt.Errorf("layout: %d channels, want 1 to %d", len(l.Ages), maxAges)
	}
	for c, a := range l.Ages {
		if !(a == 0 || a >= 0.1 && a <= 1e6) {
			return fmt.Errorf("layout: channel %d has age %v, want 0 (all alike) or 0.1 to 1e6 items", c, a)
		}
	}
	if len(l.Tensors) < 1 || len(l.Tensors) > maxTensors {
		return fmt.Errorf("layout: %d tensors, want 1 to %d", len(l.Tensors), maxTensors)
	}
	total := 0
	names := make(map[string]bool, len(l.Tensors))
	for _, t := range l.Tensors {
		if err := t.check(MaxParams - total); err != nil {
			return err
		}
		if names[t.Name] {
			return fmt.Errorf("layout: tensor %q comes twice", t.Name)
		}
		names[t.Name] = true
		total += t.Size()
	}
	return checkItems(l.Items)
}

// check bounds one tensor: left is how many coordinates the model may still hold.
func (t Tensor) check(left int) error {
	if err := checkName("tensor name", t.Name); err != nil {
		return err
	}
	if len(t.Shape) < 1 || len(t.Shape) > maxRank {
		return fmt.Errorf("layout: tensor %q has %d axes, want 1 to %d", t.Name, len(t.Shape), maxRank)
	}
	size := 1
	for _, s := range t.Shape {
		if s < 1 || s > left/size {
			return fmt.Errorf("layout: tensor %q has shape %v; a model holds at most %d coordinates", t.Name, t.Shape, MaxParams)
		}
		size *= s
	}
	if g := float64(t.Group); g != 0 && !(g >= 1e-6 && g <= 1e6) {
		return fmt.Errorf("layout: tensor %q has clip-group factor %v, want 0 (frozen) or 1e-6 to 1e6", t.Name, t.Group)
	}
	return nil
}

func checkName(what, s string) error {
	if len(s) < 1 || len(s) > maxNameBytes {
		return fmt.Errorf("layout: %s has %d bytes, want 1 to %d", what, len(s), maxNameBytes)
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return fmt.Errorf("layout: %s %q may hold only a-z, 0-9, hyphen and dot", what, s)
		}
	}
	return nil
}

func checkItems(items []string) error {
	if len(items) < 2 {
		return fmt.Errorf("layout: %d titles: %w", len(items), errItems)
	}
	if len(items) > MaxItems {
		return fmt.Errorf("layout: %d titles, want at most %d", len(items), MaxItems)
	}
	seen := make(map[string]bool, len(items))
	for i, id := range items {
		if len(id) < 1 || len(id) > MaxIDBytes || !utf8.ValidString(id) {
			return fmt.Errorf("layout: id of title %d must be UTF-8 of 1 to %d bytes", i, MaxIDBytes)
		}
		if seen[id] {
			return fmt.Errorf("layout: title %q comes twice", id)
		}
		seen[id] = true
	}
	return nil
}

// checkParams says whether v can be the parameters of l.
func (l Layout) checkParams(v []float32) error {
	if len(v) != l.Size() {
		return fmt.Errorf("%d parameters, the layout has %d", len(v), l.Size())
	}
	return nil
}

// NotFinite names the tensor that the first NaN or infinity of v (Size values) lies in; "" if all are finite.
func (l Layout) NotFinite(v []float32) string {
	i := finite(v)
	if i < 0 {
		return ""
	}
	for _, t := range l.Tensors {
		if i -= t.Size(); i < 0 {
			return t.Name
		}
	}
	return ""
}

// finite finds the first NaN or infinity, -1 if there is none.
func finite(v []float32) int {
	for i, x := range v {
		if math.Float32bits(x)&0x7f800000 == 0x7f800000 {
			return i
		}
	}
	return -1
}
