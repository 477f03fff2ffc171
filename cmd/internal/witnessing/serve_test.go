package witnessing

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/audit/witness"
)

// TestALogAndItsWitnesses: a client collects cosignatures of a growing log from three witnesses over HTTP, and goes on as long as two of them
// answer.
func TestALogAndItsWitnesses(t *testing.T) {
	policy := audit.WitnessPolicy{Quorum: 2}
	var addresses []string
	var stops []func()
	for i := range 3 {
		dir := filepath.Join(t.TempDir(), "w")
		w, err := Init(dir, fmt.Sprintf("witness.example/w%d", i+1), bytes.NewReader(bytes.Repeat([]byte{byte(i)}, 32)))
		if err != nil {
			t.Fatal(err)
		}
		if err := AddLog(dir, testOrigin, testKey(9).Public().(ed25519.PublicKey)); err != nil {
			t.Fatal(err)
		}
		policy.Witnesses = append(policy.Witnesses, w)
		ready, ended := make(chan string, 1), make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			ended <- Serve(ctx, dir, Options{Listen: "127.0.0.1:0", Ready: func(r Running) { ready <- r.Address }})
		}()
		select {
		case address := <-ready:
			addresses = append(addresses, address)
		case err := <-ended:
			t.Fatal(err)
		}
		stops = append(stops, func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	c, err := witness.NewClient(witness.ClientConfig{Origin: testOrigin, LogKey: testKey(9).Public().(ed25519.PublicKey), Policy: policy, Addresses: addresses, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	l := history(20, 20, 0)
	sign := func(size uint64) error {
		note, err := audit.SignCheckpoint(testOrigin, testKey(9), size, l.Root(size))
		if err != nil {
			t.Fatal(err)
		}
		signed, err := c.Cosign(t.Context(), note, size, l.View(size).Consistency)
		if err != nil {
			return err
		}
		got, err := policy.Open(testOrigin, testKey(9).Public().(ed25519.PublicKey), signed)
		if err == nil && got.Size != size {
			err = fmt.Errorf("signed %d entries", got.Size)
		}
		return err
	}
	for _, size := range []uint64{1, 5, 5, 12} {
		if err := sign(size); err != nil {
			t.Fatal(err)
		}
	}
	stops[0]()
	if err := sign(20); err != nil {
		t.Errorf("without the first witness: %v", err)
	}
	stops[1]()
	if err := sign(20); err == nil {
		t.Error("one witness was a quorum of two")
	}
	c.Close()
	stops[2]()
}
