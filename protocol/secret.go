package protocol

import (
	"fmt"
	"io"
)

// What holds secrets prints as one word whatever the verb: without Format, %d would show the bytes.

// Format hides the share.
func (PeerShare) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, secretWord) }

// MarshalText keeps the share out of text and JSON.
func (PeerShare) MarshalText() ([]byte, error) { return []byte(secretWord), nil }

// Format hides the shares.
func (Reveal) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, secretWord) }

// MarshalText keeps the shares out of text and JSON.
func (Reveal) MarshalText() ([]byte, error) { return []byte(secretWord), nil }

// Format names the certificate and hides the key.
func (id Identity) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, id.String()) }
