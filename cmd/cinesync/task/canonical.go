package task

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Canonical gives the bytes that are hashed: a task file that says the same, every field in the order of the struct, one a line, what was left out
// by its value. Parse reads it back to the same task.
func (t *Task) Canonical() []byte {
	var b bytes.Buffer
	table(&b, reflect.ValueOf(*t), "")
	return b.Bytes()
}

// Hash is the SHA-256 of the canonical bytes.
func (t *Task) Hash() [32]byte { return sha256.Sum256(t.Canonical()) }

// table writes the fields of a struct and then its tables.
func table(b *bytes.Buffer, v reflect.Value, within string) {
	t := v.Type()
	for i := range t.NumField() {
		if t.Field(i).Type.Kind() != reflect.Struct {
			fmt.Fprintf(b, "%s%s = %s\n", within, t.Field(i).Tag.Get("toml"), value(v.Field(i)))
		}
	}
	for i := range t.NumField() {
		if t.Field(i).Type.Kind() == reflect.Struct {
			table(b, v.Field(i), within+t.Field(i).Tag.Get("toml")+".")
		}
	}
}

// value writes one value as TOML.
func value(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return quote(v.String())
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10)
	case reflect.Float32:
		return strconv.FormatFloat(v.Float(), 'g', -1, 32)
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case reflect.Slice:
		var parts []string
		for i := range v.Len() {
			parts = append(parts, value(v.Index(i)))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Map:
		m := v.Interface().(map[string]float32)
		var parts []string
		for _, name := range sorted(m) {
			parts = append(parts, quote(name)+" = "+value(reflect.ValueOf(m[name])))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	panic("task: no canonical form for a " + v.Kind().String()) // the struct has none
}

// quote writes a text without control characters.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
