package vectors

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
)

// compare holds one computed value against the file's.
func compare(got any, raw json.RawMessage, b bound) error {
	if got == nil || string(raw) == "null" {
		if got == nil && string(raw) == "null" {
			return nil
		}
		return fmt.Errorf("%.80s is expected, the answer is %s", raw, show(got))
	}
	switch got := got.(type) {
	case bool:
		if string(raw) != "true" && string(raw) != "false" {
			return fmt.Errorf("%.40s is expected, where only true or false can be", raw)
		}
		if string(raw) != show(got) {
			return fmt.Errorf("%s is expected, the answer is %v", raw, got)
		}
		return nil
	case int:
		return b.near(new(big.Rat).SetInt64(int64(got)), show(got), raw)
	case float64:
		if math.IsNaN(got) || math.IsInf(got, 0) {
			return fmt.Errorf("%.40s is expected, the answer is %v", raw, got)
		}
		return b.near(new(big.Rat).SetFloat64(got), show(got), raw)
	case []float64:
		return compareList(got, raw, b)
	}
	return fmt.Errorf("no way to hold %T against a file", got)
}

func compareList(got []float64, raw json.RawMessage, b bound) error {
	var want []json.RawMessage
	if err := json.Unmarshal(raw, &want); err != nil {
		return fmt.Errorf("%.40s is expected, where only a list of numbers can be", raw)
	}
	if len(want) != len(got) {
		return fmt.Errorf("%d numbers are expected, the answer has %d", len(want), len(got))
	}
	for i, x := range got {
		if err := compare(x, want[i], b); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return nil
}

// near says how a number misses the file's.
func (b bound) near(got *big.Rat, shown string, raw json.RawMessage) error {
	want, err := number(raw)
	if err != nil {
		return err
	}
	if !b.holds(got, want) {
		return fmt.Errorf("%s is expected, the answer is %s", raw, shown)
	}
	return nil
}

func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "that there is none"
	case float64:
		return fmt.Sprintf("%.12g", v)
	}
	return fmt.Sprint(v)
}
