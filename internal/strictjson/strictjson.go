// Package strictjson walks the fields of one JSON object and passes nothing over.
//
// Owns: what "strict" means for JSON that people and programs send us.
// Promises: exact names (encoding/json alone would take "ID" for "id"), no name twice, valid UTF-8, nothing after the object.
// Never: knows a field, converts a value.
// Start here: Object.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// ErrNotObject says that the text is JSON, but no object.
var ErrNotObject = errors.New("a JSON object is wanted")

// Object calls field for each field of the object in b, in order, with the value's own text. It stops at the first error.
// The caller bounds the length of b.
func Object(b []byte, field func(name string, value json.RawMessage) error) error {
	if !utf8.Valid(b) {
		return errors.New("text is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	open, err := d.Token()
	if err != nil {
		return syntax(err)
	}
	if open != json.Delim('{') {
		return ErrNotObject
	}
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return syntax(err)
		}
		key, ok := name.(string)
		if !ok {
			return fmt.Errorf("field name %v is no string", name)
		}
		if seen[key] {
			return fmt.Errorf("field %q stands there twice", key)
		}
		seen[key] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return syntax(err)
		}
		if err := field(key, value); err != nil {
			return err
		}
	}
	return end(d)
}

// end reads the closing brace and makes sure that nothing follows.
func end(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return syntax(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text follows the object")
	}
	return nil
}

// syntax says of an early end what it is.
func syntax(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("text ends inside the object")
	}
	return err
}
