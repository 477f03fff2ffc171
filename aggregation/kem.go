package aggregation

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/cloudflare/circl/kem/xwing"
)

// The post-quantum half of key agreement 2 (secure aggregation 14.1): X-Wing (draft-connolly-cfrg-xwing-kem) beside X25519.
// The library's functions on packed keys and ciphertexts panic on a wrong length, so that lengths are checked here first.

const (
	// KEMSize is the bytes of a member's two X-Wing public keys: of masks, then of sharing.
	KEMSize = 2 * xwing.PublicKeySize
	// CiphertextSize is the bytes of an X-Wing ciphertext.
	CiphertextSize = xwing.CiphertextSize
)

// CheckKEM refuses X-Wing public keys that are not two, do not parse, or are equal.
func CheckKEM(kem []byte) error {
	if len(kem) != KEMSize {
		return fmt.Errorf("X-Wing public keys are %d bytes, want %d", len(kem), KEMSize)
	}
	for i, name := range []string{"mask", "sharing"} {
		pk := new(xwing.PublicKey)
		if err := pk.Unpack(kem[i*xwing.PublicKeySize : (i+1)*xwing.PublicKeySize]); err != nil {
			return fmt.Errorf("X-Wing %s key: %w", name, err)
		}
		// The X25519 half is the key's last 32 bytes.
		if err := CheckPublicKey([32]byte(kem[(i+1)*xwing.PublicKeySize-32:])); err != nil {
			return fmt.Errorf("X-Wing %s key: %w", name, err)
		}
	}
	if subtle.ConstantTimeCompare(kem[:xwing.PublicKeySize], kem[xwing.PublicKeySize:]) == 1 {
		return fmt.Errorf("X-Wing mask key and sharing key are equal")
	}
	return nil
}

// maskKEM is the X-Wing key pair of pair masks, a function of m: whoever rebuilds m can open what was sealed to it.
func maskKEM(m, openHash [32]byte) (*xwing.PrivateKey, *xwing.PublicKey) {
	seed := kdf(m[:], "xwing", openHash[:], xwing.SeedSize)
	defer clear(seed)
	return xwing.DeriveKeyPair(seed)
}

// shareKEM is the X-Wing key pair that shares are sealed to. Its seed is never shared.
func shareKEM(f, openHash [32]byte) (*xwing.PrivateKey, *xwing.PublicKey) {
	seed := kdf(f[:], "xwing-share", openHash[:], xwing.SeedSize)
	defer clear(seed)
	return xwing.DeriveKeyPair(seed)
}

func publicKEM(m, f, openHash [32]byte) []byte {
	out := make([]byte, KEMSize)
	_, mask := maskKEM(m, openHash)
	_, share := shareKEM(f, openHash)
	mask.Pack(out[:xwing.PublicKeySize])
	share.Pack(out[xwing.PublicKeySize:])
	return out
}

// encapsulate makes a shared secret for the holder of a packed X-Wing key.
func encapsulate(public, coins []byte) (secret [32]byte, ct []byte, err error) {
	pk := new(xwing.PublicKey)
	if len(public) != xwing.PublicKeySize {
		return secret, nil, fmt.Errorf("X-Wing public key is %d bytes, want %d", len(public), xwing.PublicKeySize)
	}
	if err := pk.Unpack(public); err != nil {
		return secret, nil, fmt.Errorf("X-Wing public key: %w", err)
	}
	ct = make([]byte, xwing.CiphertextSize)
	pk.EncapsulateTo(ct, secret[:], coins)
	return secret, ct, nil
}

// decapsulate opens a ciphertext. One that was not made for this key gives a secret that nobody else has.
func decapsulate(sk *xwing.PrivateKey, ct []byte) (secret [32]byte, err error) {
	if len(ct) != xwing.CiphertextSize {
		return secret, fmt.Errorf("X-Wing ciphertext is %d bytes, want %d", len(ct), xwing.CiphertextSize)
	}
	sk.DecapsulateTo(secret[:], ct)
	return secret, nil
}

// maskCiphertext is what the member with the lower index makes for the higher one, with coins that follow from its m.
func maskCiphertext(m, sid [32]byte, peer PeerKey) (secret [32]byte, ct []byte, err error) {
	if len(peer.KEM) != KEMSize {
		return secret, nil, fmt.Errorf("X-Wing public keys are %d bytes, want %d", len(peer.KEM), KEMSize)
	}
	coins := kdf(m[:], "coins", binary.BigEndian.AppendUint32(append([]byte(nil), sid[:]...), peer.Index), xwing.EncapsulationSeedSize)
	defer clear(coins)
	return encapsulate(peer.KEM[:xwing.PublicKeySize], coins)
}

// MaskCT is the ciphertext that this member, the one with the lower index, sends a neighbour for their pair mask. The same
// secrets give the same bytes.
func (s *Secrets) MaskCT(in Session, own uint32, peer PeerKey) ([]byte, error) {
	if err := s.live(); err != nil {
		return nil, fmt.Errorf("encapsulate for member %d: %w", peer.Index, err)
	}
	if in.Suite.Kex != KexXWing || own >= peer.Index {
		return nil, fmt.Errorf("encapsulate for member %d: member %d does not, in key agreement %d", peer.Index, own, in.Suite.Kex)
	}
	secret, ct, err := maskCiphertext(s.m, in.SID, peer)
	clear(secret[:])
	if err != nil {
		return nil, fmt.Errorf("encapsulate for member %d: %w", peer.Index, err)
	}
	return ct, nil
}

// sealShareKEM makes the secret that goes into a sealing key, with fresh coins.
func sealShareKEM(peer PeerKey, random io.Reader) (secret [32]byte, ct []byte, err error) {
	if len(peer.KEM) != KEMSize {
		return secret, nil, fmt.Errorf("X-Wing public keys are %d bytes, want %d", len(peer.KEM), KEMSize)
	}
	var coins [xwing.EncapsulationSeedSize]byte
	defer clear(coins[:])
	if _, err := io.ReadFull(random, coins[:]); err != nil {
		return secret, nil, fmt.Errorf("draw encapsulation coins: %w", err)
	}
	return encapsulate(peer.KEM[xwing.PublicKeySize:], coins[:])
}
