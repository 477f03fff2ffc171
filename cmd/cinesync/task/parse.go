package task

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// MaxBytes is the largest task file that is read.
const MaxBytes = 64 << 10

// FieldError is a field that cannot be as it is. Line is 0 where the task did not come from a file.
type FieldError struct {
	Field string
	Line  int
	Text  string // value, and what to do
}

// Error names line and field.
func (e *FieldError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("line %d: %s %s", e.Line, e.Field, e.Text)
	}
	return e.Field + " " + e.Text
}

func bad(field, format string, args ...any) error {
	return &FieldError{Field: field, Text: fmt.Sprintf(format, args...)}
}

// Parse reads a task file.
func Parse(b []byte) (*Task, error) {
	t, err := parse(b)
	if err != nil {
		var field *FieldError
		if errors.As(err, &field) && field.Line == 0 {
			field.Line = lineOf(string(b), strings.Split(field.Field, "."))
		}
		return nil, fmt.Errorf("task file: %w", err)
	}
	return t, nil
}

func parse(b []byte) (*Task, error) {
	switch {
	case len(b) > MaxBytes:
		return nil, fmt.Errorf("it has more than %d bytes", MaxBytes)
	case !utf8.Valid(b):
		return nil, errors.New("it is not UTF-8")
	}
	var t Task
	meta, err := toml.Decode(string(b), &t)
	var syntax toml.ParseError
	switch {
	case errors.As(err, &syntax) && syntax.LastKey != "":
		return nil, fmt.Errorf("line %d: %s: %s", syntax.Position.Line, syntax.LastKey, plain(syntax))
	case errors.As(err, &syntax):
		return nil, fmt.Errorf("line %d: %s", syntax.Position.Line, plain(syntax))
	case err != nil:
		return nil, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "toml: "))
	}
	if err := known(meta.Keys()); err != nil {
		return nil, err
	}
	if err := missing(meta, reflect.TypeFor[Task](), nil); err != nil {
		return nil, err
	}
	if !meta.IsDefined("noise", "multiplier") && !meta.IsDefined("noise", "epsilon") {
		return nil, bad("noise", "says nothing: give multiplier or epsilon; multiplier = 0 is none, for simulations")
	}
	t.filled()
	return &t, t.check()
}

func plain(e toml.ParseError) string {
	if e.Message != "" {
		return e.Message
	}
	return strings.TrimPrefix(e.Error(), "toml: ")
}

// known refuses what the struct does not have, by exact names: the decoder alone would pass over it, and take other spellings.
func known(keys []toml.Key) error {
	fields, tables := paths(reflect.TypeFor[Task](), "")
	for _, k := range keys {
		name := strings.Join(k, ".")
		group := len(k) == 3 && k[0] == "model" && k[1] == "groups"
		if group || slices.Contains(fields, name) || slices.Contains(tables, name) {
			continue
		}
		return bad(name, "is unknown: the fields are in docs/spec/task.md")
	}
	return nil
}

// Fields lists every field, such as model.dim, in the order of the file.
func Fields() []string {
	fields, _ := paths(reflect.TypeFor[Task](), "")
	return fields
}

func paths(t reflect.Type, within string) (fields, tables []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name := within + f.Tag.Get("toml")
		if f.Type.Kind() != reflect.Struct {
			fields = append(fields, name)
			continue
		}
		inner, _ := paths(f.Type, name+".")
		fields, tables = append(fields, inner...), append(tables, name)
	}
	return fields, tables
}

// missing names the first field that must be there and is not. The fields of a table that may be left out must be there if it is.
func missing(meta toml.MetaData, t reflect.Type, within []string) error {
	for i := range t.NumField() {
		f := t.Field(i)
		path := append(slices.Clone(within), f.Tag.Get("toml"))
		switch {
		case f.Type.Kind() == reflect.Struct && (meta.IsDefined(path...) || f.Tag.Get("opt") == ""):
			if err := missing(meta, f.Type, path); err != nil {
				return err
			}
		case f.Tag.Get("opt") == "" && !meta.IsDefined(path...):
			return bad(strings.Join(path, "."), "is missing")
		}
	}
	return nil
}

// lineOf finds the line that sets a field, or that begins its table; 0 if neither is found. It is for messages alone: a text of several
// lines that looks like a field misleads it.
func lineOf(text string, path []string) int {
	var table []string
	begins := 0
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") && !strings.HasPrefix(line, "[[") {
			name, _, ok := strings.Cut(line[1:], "]")
			if table = split(name); ok && len(table) < len(path) && slices.Equal(table, path[:len(table)]) || slices.Equal(table, path) {
				begins = i + 1
			}
			continue
		}
		key, _, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		full := append(slices.Clone(table), split(key)...)
		if slices.Equal(full, path) || len(full) < len(path) && slices.Equal(full, path[:len(full)]) {
			return i + 1
		}
	}
	return begins
}

func split(key string) []string {
	parts := strings.Split(key, ".")
	for i, p := range parts {
		parts[i] = strings.Trim(strings.TrimSpace(p), `"'`)
	}
	return parts
}
