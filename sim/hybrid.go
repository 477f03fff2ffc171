package sim

import (
	"crypto/ed25519"

	"github.com/cinesync/cinesync/protocol"
)

// In suite sig 2 every identity has an ML-DSA key beside its Ed25519 key.

// signer signs in the world's suite.
func (w *world) signer(key ed25519.PrivateKey) protocol.Signer {
	return protocol.Identity{Key: key}.Signer(w.cfg.Sig)
}

// pinned is the ML-DSA key that others know an identity by; nil in suite sig 1.
func (w *world) pinned(key ed25519.PrivateKey) *protocol.PQPublicKey {
	if w.cfg.Sig != protocol.SigHybrid {
		return nil
	}
	pub, _ := protocol.MLDSAKey(key)
	return pub
}

// hybrid gives a device its certificate's second half, and the keys that it pins.
func (w *world) hybrid(d *device) {
	if w.cfg.Sig != protocol.SigHybrid {
		return
	}
	_, authority := protocol.MLDSAKey(w.authority)
	d.cfg.CertPQ = protocol.IssuePQ(authority, d.cfg.Cert, w.pinned(d.cfg.Key))
	d.cfg.AuthorityPQ, d.cfg.CoordinatorPQ = w.pinned(w.authority), w.pinned(w.coord.key)
}
