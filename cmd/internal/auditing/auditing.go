// Package auditing hands the auditor the arithmetic of the packages that own it.
//
// Owns: the wiring of audit.Rules.
// Promises: the auditor computes with the code that devices and the coordinator run.
// Never: checks anything itself.
// Start here: Verify.
package auditing

import (
	"crypto/ed25519"
	"fmt"
	"io/fs"
	"slices"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// Verify verifies the log in fsys, which holds log/ or is the log folder. An error means that the options are wrong.
func Verify(fsys fs.FS, o audit.Options) (audit.Report, error) {
	return audit.Verify(fsys, Rules(), o)
}

// Rules is the arithmetic of privacy, aggregation and protocol.
func Rules() audit.Rules {
	return audit.Rules{
		CheckCert: checkCert,
		Charge: func(cInt uint32, sigmaTotSq uint64) (uint64, error) {
			units, err := privacy.Charge(cInt, sigmaTotSq)
			return uint64(units), err
		},
		WorstCase:   worstCase,
		Epsilon:     privacy.Epsilon,
		HonestFloor: honestFloor,
		SessionID: func(openHash, rosterHash [32]byte, cohort uint32) [32]byte {
			return aggregation.SessionID(openHash, rosterHash, aggregation.GraphSeed(openHash, rosterHash), cohort)
		},
		CheckDegree: func(g audit.Graph) error {
			return aggregation.CheckDegree(graphParams(g), aggregation.Degree{K: g.K, T: g.T})
		},
	}
}

// ReceiptRules is what checking a device's receipt needs of protocol.
func ReceiptRules() audit.ReceiptRules {
	return audit.ReceiptRules{CheckCert: checkCert, OpenReceipt: openReceipt}
}

// openReceipt reads S's receipt and verifies it by the Ed25519 key of its certificate, as everything in the log is. The ML-DSA half of a
// receipt is for the device, which has pinned that key of S and checked it before it kept the file.
func openReceipt(cert, receipt []byte) (audit.Receipted, error) {
	c, err := parseCert(cert)
	if err != nil {
		return audit.Receipted{}, err
	}
	m, err := protocol.Parse(protocol.TypeReceipt, receipt)
	if err != nil {
		return audit.Receipted{}, err
	}
	r := m.(*protocol.Receipt)
	r.SigPQ = nil // no signature covers it
	if err := r.Verify(protocol.Verifier{Ed: c.IDPK[:]}); err != nil {
		return audit.Receipted{}, err
	}
	return audit.Receipted{SID: r.SID, Index: r.Index, YHash: r.YHash}, nil
}

// parseCert reads a certificate; the second half of a hybrid one is passed over.
func parseCert(b []byte) (protocol.Cert, error) {
	if len(b) == protocol.CertHybridSize {
		b = b[:protocol.CertSize]
	}
	return protocol.ParseCert(b)
}

// honestFloor is h_min of each cohort. Rates for which there is no bound leave nobody.
func honestFloor(g audit.Graph) int {
	if g.Cohorts <= 1 {
		return privacy.HonestFloor(g.N, g.GammaBP, g.DeltaBP)
	}
	corrupt, err := aggregation.CohortCorrupt(graphParams(g))
	if err != nil {
		return 0
	}
	return privacy.CohortFloor(g.N/g.Cohorts, corrupt, g.DeltaBP)
}

func graphParams(g audit.Graph) aggregation.GraphParams {
	return aggregation.GraphParams{N: g.N, GammaBP: g.GammaBP, DeltaBP: g.DeltaBP, Lambda: g.Lambda, Eta: g.Eta, Mode: aggregation.Mode(g.Mode), Cohorts: g.Cohorts}
}

// checkCert asks at a moment inside the certificate's dates, because dates are held against the rounds, not against today.
func checkCert(authority, cert []byte) (audit.Coordinator, error) {
	c, err := parseCert(cert)
	if err != nil {
		return audit.Coordinator{}, err
	}
	if len(authority) != ed25519.PublicKeySize {
		return audit.Coordinator{}, fmt.Errorf("the authority's key has %d bytes, want %d", len(authority), ed25519.PublicKeySize)
	}
	if err := c.Verify(authority, c.NotBefore, protocol.ClassCoordinator); err != nil {
		return audit.Coordinator{}, err
	}
	return audit.Coordinator{Key: c.IDPK, NotBefore: c.NotBefore, NotAfter: c.NotAfter}, nil
}

func worstCase(charges []audit.RoundCost, p, b uint32, ceiling uint64) uint64 {
	list := slices.Grow([]privacy.RoundCharge(nil), len(charges))
	for _, c := range charges {
		list = append(list, privacy.RoundCharge{Round: c.Round, Units: privacy.Units(c.Units)})
	}
	return uint64(privacy.WorstCase(list, p, b, privacy.Units(ceiling)))
}
