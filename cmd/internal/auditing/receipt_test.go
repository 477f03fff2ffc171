package auditing_test

import (
	"crypto/ed25519"
	"errors"
	"testing"

	"github.com/cinesync/cinesync/cmd/internal/auditing"
	"github.com/cinesync/cinesync/protocol"
)

// TestReceiptsOfBothSuitesAreOpened: an auditor who has the 131-byte certificate alone opens the receipt of a hybrid round too.
func TestReceiptsOfBothSuitesAreOpened(t *testing.T) {
	authority, holder := ed25519.NewKeyFromSeed(make([]byte, 32)), ed25519.NewKeyFromSeed(append(make([]byte, 31), 1))
	cert := protocol.IssueCert(authority, protocol.Cert{IDPK: [32]byte(holder[32:]), Class: protocol.ClassCoordinator, NotBefore: 10, NotAfter: 20})
	_, authorityPQ := protocol.MLDSAKey(authority)
	pq, _ := protocol.MLDSAKey(holder)
	plain := cert.Bytes()
	rules := auditing.ReceiptRules()
	for name, c := range map[string][]byte{"131 bytes": plain[:], "3863 bytes": append(plain[:], protocol.IssuePQ(authorityPQ, cert, pq)...)} {
		if got, err := rules.CheckCert(authority.Public().(ed25519.PublicKey), c); err != nil || got.Key != cert.IDPK {
			t.Errorf("a certificate of %s: %v, %v", name, got, err)
		}
		for _, suite := range []uint16{protocol.SigEd25519, protocol.SigHybrid} {
			r := &protocol.Receipt{SID: [32]byte{1}, Index: 2, YHash: [32]byte{3}}
			r.Sign(protocol.Identity{Key: holder, Cert: cert}.Signer(suite))
			if got, err := rules.OpenReceipt(c, r.Append(nil)); err != nil || got.SID != r.SID || got.Index != 2 || got.YHash != r.YHash {
				t.Errorf("suite %d with a certificate of %s: %v, %v", suite, name, got, err)
			}
			r.Index++
			if _, err := rules.OpenReceipt(c, r.Append(nil)); !errors.Is(err, protocol.ErrBadSignature) {
				t.Errorf("suite %d, altered: %v", suite, err)
			}
		}
	}
	if _, err := rules.OpenReceipt(plain[:130], nil); err == nil {
		t.Error("half a certificate opens a receipt")
	}
}
