package aggregation

import "crypto/subtle"

// What the coordinator does with revealed secrets. Each is checked against what its owner signed before it is used, so that
// a bad share spoils nothing (design: secure aggregation 10.4).

// CheckB reports whether b is a canonical scalar and the one that bc commits to.
func CheckB(b, openHash, bc [32]byte) bool {
	if _, err := parseScalar(b); err != nil {
		return false
	}
	want := commitB(b, openHash)
	return subtle.ConstantTimeCompare(want[:], bc[:]) == 1
}

// CheckM reports whether m is a canonical scalar and the one that the mask key spk was derived from.
func CheckM(m, openHash, spk [32]byte) bool {
	if _, err := parseScalar(m); err != nil {
		return false
	}
	want := maskPublic(m, openHash)
	return subtle.ConstantTimeCompare(want[:], spk[:]) == 1
}

// SelfMaskKey is K_i, the 16-byte AES key of a survivor's self mask. The coordinator subtracts its keystream.
func SelfMaskKey(b, sid [32]byte) []byte { return kdf(b[:], "self", sid[:], 16) }

// PairMaskKey is the 16-byte AES key of the mask that a survivor shares with a dropped member whose secret m was rebuilt. The
// survivor's vector still holds that mask: add says whether the coordinator must add its keystream (the survivor's index is
// the greater, so it had subtracted) or subtract it.
func PairMaskKey(m, openHash, sid [32]byte, dropped uint32, survivor Peer) (key []byte, add bool, err error) {
	secret := maskSecret(m, openHash)
	defer clear(secret[:])
	k, err := pairKey(secret, survivor.SPK, sid, dropped, survivor.Index)
	if err != nil {
		return nil, false, err
	}
	return k[:], survivor.Index > dropped, nil
}
