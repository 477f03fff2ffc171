package participant

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// checkCode accepts only local functions that are compiled in: the offer carries their canonical bytes (a u32-prefixed
// name, a u32 version, parameters), and their SHA-256 must be the logged code_hash (8.4).
func (m *Machine) checkCode(o *audit.RoundOpen, msg *protocol.Offer) error {
	if sha256.Sum256(msg.Code) != o.CodeHash {
		return refuse(F05UnknownCode, "the offered local function does not hash to code_hash")
	}
	name, version, ok := codeName(msg.Code)
	if !ok || version != codeVersion || !slices.Contains(m.cfg.Floor.Code, name) {
		return refuse(F05UnknownCode, "local function %q, version %d, is not one that policy %q allows and this program knows", name, version, m.cfg.Floor.Name)
	}
	return nil
}

// codeVersion is the version of the local functions that are compiled in.
const codeVersion = 1

func codeName(code []byte) (name string, version uint32, ok bool) {
	if len(code) < 8 {
		return "", 0, false
	}
	n := binary.BigEndian.Uint32(code)
	if n > 64 || len(code) < 8+int(n) {
		return "", 0, false
	}
	return string(code[4 : 4+n]), binary.BigEndian.Uint32(code[4+n:]), true
}
