package aggregation

import (
	"fmt"
	"io"
)

// What holds secrets prints as one word whatever the verb (without Format, %d would show the bytes), and also in JSON and in
// structured logs, which ask for MarshalText.

const secretWord = "[secret]"

// String hides the secrets.
func (Secrets) String() string { return secretWord }

// GoString hides the secrets.
func (Secrets) GoString() string { return secretWord }

// Format hides the secrets whatever the verb.
func (Secrets) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, secretWord) }

// MarshalText keeps the secrets out of text and JSON; MarshalBinary is the way to save them.
func (Secrets) MarshalText() ([]byte, error) { return []byte(secretWord), nil }

// String hides the share.
func (Share) String() string { return secretWord }

// GoString hides the share.
func (Share) GoString() string { return secretWord }

// Format hides the share whatever the verb.
func (Share) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, secretWord) }

// MarshalText keeps the share out of text and JSON.
func (Share) MarshalText() ([]byte, error) { return []byte(secretWord), nil }

// String hides the key.
func (Term) String() string { return secretWord }

// GoString hides the key.
func (Term) GoString() string { return secretWord }

// Format hides the key whatever the verb.
func (Term) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, secretWord) }

// MarshalText keeps the key out of text and JSON.
func (Term) MarshalText() ([]byte, error) { return []byte(secretWord), nil }

// String hides the keys.
func (Masker) String() string { return secretWord }

// GoString hides the keys.
func (Masker) GoString() string { return secretWord }

// Format hides the keys whatever the verb.
func (Masker) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, secretWord) }

// MarshalText keeps the keys out of text and JSON.
func (Masker) MarshalText() ([]byte, error) { return []byte(secretWord), nil }
