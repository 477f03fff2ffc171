package audit

import "fmt"

// Kind names a record's type; it is the first field of its canonical bytes (docs/spec/log.md §3).
type Kind uint16

// The kinds of record of csa1.
const (
	KindPolicyChange    Kind = 1
	KindCodeRelease     Kind = 2
	KindQuestion        Kind = 3
	KindRoundOpen       Kind = 4
	KindRoster          Kind = 5
	KindSurvivors       Kind = 6
	KindRoundClose      Kind = 7
	KindAbort           Kind = 8
	KindBudgetExhausted Kind = 9
)

// String is the record's name in the specification.
func (k Kind) String() string {
	switch k {
	case KindPolicyChange:
		return "PolicyChange"
	case KindCodeRelease:
		return "CodeRelease"
	case KindQuestion:
		return "Question"
	case KindRoundOpen:
		return "RoundOpen"
	case KindRoster:
		return "Roster"
	case KindSurvivors:
		return "Survivors"
	case KindRoundClose:
		return "RoundClose"
	case KindAbort:
		return "Abort"
	case KindBudgetExhausted:
		return "BudgetExhausted"
	default:
		return fmt.Sprintf("kind %d", uint16(k))
	}
}

// Record is one of the record structs of this package, as a pointer. No record carries a device identifier.
type Record interface {
	// kind is what KindOf gives.
	kind() Kind
	// fields visits every field in the order of docs/spec/log.md; the one list serves encoding and parsing.
	fields(*codec)
}

// KindOf is the record's type.
func KindOf(r Record) Kind { return r.kind() }

// version is that of the kind's layout; a changed layout gets another number.
func (k Kind) version() uint16 {
	if k == KindRoundClose {
		return 2 // with lists of survivors and sums, one element a cohort
	}
	return 1
}

func newRecord(k Kind) (Record, bool) {
	switch k {
	case KindPolicyChange:
		return new(PolicyChange), true
	case KindCodeRelease:
		return new(CodeRelease), true
	case KindQuestion:
		return new(Question), true
	case KindRoundOpen:
		return new(RoundOpen), true
	case KindRoster:
		return new(Roster), true
	case KindSurvivors:
		return new(Survivors), true
	case KindRoundClose:
		return new(RoundClose), true
	case KindAbort:
		return new(Abort), true
	case KindBudgetExhausted:
		return new(BudgetExhausted), true
	default:
		return nil, false
	}
}

// AppendRecord appends the canonical bytes of r: u16 kind, u16 version, the fields in order. A record with lists that no reader takes
// has none; Seal refuses it.
func AppendRecord(dst []byte, r Record) []byte {
	out, _ := appendRecord(dst, r)
	return out
}

func appendRecord(dst []byte, r Record) ([]byte, error) {
	c := codec{out: dst}
	kind, version := uint16(r.kind()), r.kind().version()
	c.u16(&kind)
	c.u16(&version)
	r.fields(&c)
	return c.out, c.err
}

// ParseRecord reads canonical bytes strictly: a known kind and version, every field, nothing after them, no more than an entry can
// hold. What it accepts, AppendRecord writes again as the same bytes. The result is a pointer to one of the record structs.
func ParseRecord(b []byte) (Record, error) {
	if len(b) > MaxRecord {
		return nil, fmt.Errorf("parse log record: %d bytes, at most %d are allowed", len(b), MaxRecord)
	}
	c := codec{in: b, reading: true}
	var kind, version uint16
	c.u16(&kind)
	c.u16(&version)
	if c.err != nil {
		return nil, fmt.Errorf("parse log record: %w", c.err)
	}
	r, ok := newRecord(Kind(kind))
	if !ok {
		return nil, fmt.Errorf("parse log record: kind %d is not one of csa1", kind)
	}
	if want := r.kind().version(); version != want {
		return nil, fmt.Errorf("parse %v: version %d, want %d; another release of this program may read it", r.kind(), version, want)
	}
	r.fields(&c)
	if c.err != nil {
		return nil, fmt.Errorf("parse %v: %w", r.kind(), c.err)
	}
	if len(c.in) != 0 {
		return nil, fmt.Errorf("parse %v: %d bytes follow the last field", r.kind(), len(c.in))
	}
	return r, nil
}
