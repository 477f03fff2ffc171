package protocol_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

type count struct {
	field string
	most  int
}

// inKey and sigPQ are the byte strings of a key bundle and behind every signature: they are empty or whole.
var (
	sigPQ = count{"sig_pq", protocol.PQSigSize}
	inKey = []count{{"kem", protocol.KEMKeysSize}, {"cert_pq", protocol.CertPQSize}, sigPQ}
)

// counts names every length and count of every message with its limit, in the order in which prototest's message of the type has them.
var counts = map[protocol.Type][]count{
	protocol.TypeWelcome: {{"checkpoint", protocol.MaxCheckpoint}, {"consistency", protocol.MaxProof}, {"entries", protocol.MaxEntries},
		{"entry.bytes", protocol.MaxEntry}, {"entry.proof", protocol.MaxProof}, {"last_header", protocol.MaxHeader}},
	protocol.TypeOffer: {{"checkpoint", protocol.MaxCheckpoint}, {"consistency", protocol.MaxProof}, {"entries", protocol.MaxEntries},
		{"entry.bytes", protocol.MaxEntry}, {"entry.proof", protocol.MaxProof}, {"code", protocol.MaxCode}},
	protocol.TypeModelPart: {{"data", protocol.ChunkSize}},
	protocol.TypeDeltaPart: {{"data", protocol.ChunkSize}},
	protocol.TypeAdvertise: inKey,
	protocol.TypeRoster: slices.Concat([]count{{"checkpoint", protocol.MaxCheckpoint}, {"consistency", protocol.MaxProof}, {"entries", protocol.MaxEntries},
		{"entry.bytes", protocol.MaxEntry}, {"entry.proof", protocol.MaxProof}, {"seed_checkpoint", protocol.MaxCheckpoint},
		{"seed_proof", protocol.MaxProof}, {"peers", protocol.MaxRoster}}, inKey, []count{{"peer.proof", protocol.MaxProof}}),
	protocol.TypeShares: {{"sealed", protocol.MaxRoster}, {"share_cts", protocol.MaxRoster}, {"mask_cts", protocol.MaxRoster}, sigPQ},
	protocol.TypeDelivery: {{"present", protocol.MaxBitmap}, {"sealed", protocol.MaxRoster}, {"share_cts", protocol.MaxRoster},
		{"mask_cts", protocol.MaxRoster}},
	protocol.TypeInput:     {{"masked_with", protocol.MaxBitmap}, {"failed", protocol.MaxRoster}, {"chunks", protocol.MaxChunks}, sigPQ},
	protocol.TypeReceipt:   {sigPQ},
	protocol.TypeConfirm:   {sigPQ},
	protocol.TypeConfirmed: {{"confirms", protocol.MaxRoster}, {"confirm.sig_pq", protocol.PQSigSize}},
	protocol.TypeChunk:     {{"data", protocol.ChunkSize}},
	protocol.TypeSurvivors: {{"checkpoint", protocol.MaxCheckpoint}, {"consistency", protocol.MaxProof}, {"entries", protocol.MaxEntries},
		{"entry.bytes", protocol.MaxEntry}, {"entry.proof", protocol.MaxProof}, {"bitmap", protocol.MaxBitmap}},
	protocol.TypeReveal: {{"self_shares", protocol.MaxRoster}, {"pair_shares", protocol.MaxRoster}, sigPQ},
	protocol.TypeClose: {{"checkpoint", protocol.MaxCheckpoint}, {"consistency", protocol.MaxProof}, {"entries", protocol.MaxEntries},
		{"entry.bytes", protocol.MaxEntry}, {"entry.proof", protocol.MaxProof}, {"input_proof", protocol.MaxProof}},
	protocol.TypeHangUp: {{"detail", protocol.MaxDetail}},
}

// refuse checks that a body is refused as want, with a text that names the message and the field, and without taking memory for what it announces.
func refuse(t *testing.T, typ protocol.Type, body []byte, want error, field string) {
	t.Helper()
	var m protocol.Message
	var err error
	if took := allocated(func() { m, err = protocol.Parse(typ, body) }); took > 4*len(body)+8<<10 {
		t.Errorf("%d bytes of memory taken to refuse a body of %d", took, len(body))
	}
	if m != nil || !errors.Is(err, want) || !strings.Contains(err.Error(), "parse "+typ.String()+": field "+field+": ") {
		t.Errorf("parse gives %v, %v; want %v that names field %s", m, err, want, field)
	}
	if code := protocol.CodeOf(err); code != protocol.CodeMalformed && code != protocol.CodeTooLarge {
		t.Errorf("it hangs up with %v", code)
	}
}

// allocated is how many bytes of memory f takes, roughly: other goroutines count too.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

func TestEveryBodyThatIsCutShortIsRefused(t *testing.T) {
	for _, m := range prototest.Messages() {
		body := m.Append(nil)
		for n := range body {
			if got, err := protocol.Parse(m.Type(), body[:n:n]); !errors.Is(err, protocol.ErrMalformed) {
				t.Fatalf("%v cut to %d of %d bytes: %v, %v", m.Type(), n, len(body), got, err)
			}
		}
	}
}

func TestBytesBehindTheLastFieldAreRefused(t *testing.T) {
	for _, m := range prototest.Messages() {
		refuse(t, m.Type(), append(m.Append(nil), 0), protocol.ErrMalformed, "end")
	}
}

func TestCountsAreRefusedBeforeMemoryIsTaken(t *testing.T) {
	for _, m := range prototest.PlainMessages() { // the others are long enough to hold what some limits allow
		body := m.Append(nil)
		fields, err := protocol.Fields(m.Type(), body)
		if err != nil {
			t.Fatal(err)
		}
		at := 0
		left := counts[m.Type()]
		for _, f := range fields {
			if len(left) > 0 && f.Name == left[0].field {
				for _, v := range []struct {
					n    uint32
					want error
				}{
					{uint32(left[0].most) + 1, protocol.ErrTooLarge},
					{math.MaxUint32, protocol.ErrTooLarge},
					{uint32(left[0].most), protocol.ErrMalformed}, // allowed, but the body does not hold so many
				} {
					t.Run(fmt.Sprintf("%v/%s/%d", m.Type(), f.Name, v.n), func(t *testing.T) {
						bad := slices.Clone(body)
						binary.BigEndian.PutUint32(bad[at:], v.n)
						refuse(t, m.Type(), bad, v.want, f.Name)
					})
				}
				left = left[1:]
			}
			at += len(f.Bytes)
		}
		if len(left) > 0 {
			t.Errorf("%v has no field %s", m.Type(), left[0].field)
		}
	}
}

// TestPostQuantumFieldsAreEmptyOrWhole gives each of them a length between.
func TestPostQuantumFieldsAreEmptyOrWhole(t *testing.T) {
	tried := 0
	for _, m := range prototest.Messages() {
		body := m.Append(nil)
		fields, err := protocol.Fields(m.Type(), body)
		if err != nil {
			t.Fatal(err)
		}
		at := 0
		for _, f := range fields {
			n := int(binary.BigEndian.Uint32(append(f.Bytes, 0, 0, 0)))
			if isCount := len(f.Bytes) == 4 && n > 1000; isCount && slices.Contains([]string{"kem", "cert_pq", "sig_pq", "confirm.sig_pq"}, f.Name) {
				for _, short := range []int{1, 64, n / 2, n - 1} {
					tried++
					bad := slices.Concat(body[:at], binary.BigEndian.AppendUint32(nil, uint32(short)), body[at+4:at+4+short], body[at+4+n:])
					refuse(t, m.Type(), bad, protocol.ErrMalformed, f.Name)
				}
			}
			at += len(f.Bytes)
		}
	}
	if want := 4 * (3 + 3 + 5 + 1); tried != want { // two keys, five signed messages (shares, input, receipt, reveal, confirm), one confirmation
		t.Errorf("%d lengths tried, want %d", tried, want)
	}
}

func TestValuesThatMeanNothingAreRefused(t *testing.T) {
	edit := func(typ protocol.Type, field string, to ...byte) []byte {
		m := prototest.Messages()[typ-1]
		fields, err := protocol.Fields(typ, m.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		var body []byte
		for _, f := range fields {
			if f.Name == field {
				f.Bytes = to
				field = ""
			}
			body = append(body, f.Bytes...)
		}
		if field != "" {
			t.Fatalf("%v has no field %s", typ, field)
		}
		return body
	}
	hidden := prototest.Messages()[protocol.TypeReveal-1].(*protocol.Reveal)
	hidden.HasOwn = 0
	text := &protocol.HangUp{Detail: "xy"}
	badText := text.Append(nil)
	badText[6] = 0xff
	for _, c := range []struct {
		name  string
		typ   protocol.Type
		body  []byte
		field string
	}{
		{"reveal: has_own 2", protocol.TypeReveal, edit(protocol.TypeReveal, "has_own", 2), "has_own"},
		{"reveal: own_b without has_own", protocol.TypeReveal, hidden.Append(nil), "own_b"},
		{"hang-up: text is not UTF-8", protocol.TypeHangUp, badText, "detail"},
		{"advertise: class 0", protocol.TypeAdvertise, edit(protocol.TypeAdvertise, "cert.class", 0), "cert.class"},
		{"advertise: class 4", protocol.TypeAdvertise, edit(protocol.TypeAdvertise, "cert.class", 4), "cert.class"},
		{"advertise: dates in the wrong order", protocol.TypeAdvertise, edit(protocol.TypeAdvertise, "cert.not_after", make([]byte, 8)...), "cert.not_after"},
		{"roster: class 255", protocol.TypeRoster, edit(protocol.TypeRoster, "cert.class", 255), "cert.class"},
		{"roster: dates in the wrong order", protocol.TypeRoster, edit(protocol.TypeRoster, "cert.not_after", make([]byte, 8)...), "cert.not_after"},
	} {
		t.Run(c.name, func(t *testing.T) { refuse(t, c.typ, c.body, protocol.ErrMalformed, c.field) })
	}
}

func TestUnknownTypesAndOversizeBodiesAreRefused(t *testing.T) {
	for typ := range 256 {
		typ := protocol.Type(typ)
		if limit := protocol.Limit(typ); limit == 0 {
			if _, err := protocol.Parse(typ, nil); !errors.Is(err, protocol.ErrMalformed) {
				t.Errorf("%v: %v", typ, err)
			}
		} else if _, err := protocol.Parse(typ, make([]byte, limit+1)); !errors.Is(err, protocol.ErrTooLarge) {
			t.Errorf("%v of %d bytes: %v", typ, limit+1, err)
		}
	}
}

// A message may be up to its type's limit, and its largest list alone may fill it.
func TestMessagesAtTheirLimitAreAccepted(t *testing.T) {
	for _, m := range []protocol.Message{
		&protocol.Chunk{Data: make([]byte, protocol.ChunkSize)},
		&protocol.ModelPart{Data: make([]byte, protocol.ChunkSize)},
		&protocol.DeltaPart{Data: make([]byte, protocol.ChunkSize)},
		&protocol.Input{MaskedWith: make([]byte, 128), Chunks: make([][32]byte, protocol.MaxChunks)},
		&protocol.Shares{Sealed: make([][80]byte, protocol.MaxRoster), ShareCTs: make([][protocol.CiphertextSize]byte, 5000)},
		&protocol.Delivery{Sealed: make([][80]byte, 6000), MaskCTs: make([][protocol.CiphertextSize]byte, 7000)},
		&protocol.Roster{Peers: make([]protocol.PeerKeys, 0)},
		&protocol.Confirmed{Confirms: make([]protocol.PeerConfirm, protocol.MaxRoster)},
		&protocol.Reveal{SelfShares: make([]protocol.PeerShare, protocol.MaxRoster)},
		&protocol.Survivors{Bitmap: make([]byte, protocol.MaxBitmap)},
		&protocol.HangUp{Detail: strings.Repeat("é", protocol.MaxDetail/2)},
		&protocol.Welcome{LastHeader: make([]byte, protocol.MaxHeader)},
		&protocol.Offer{Code: make([]byte, protocol.MaxCode), Evidence: protocol.Evidence{Checkpoint: make([]byte, protocol.MaxCheckpoint),
			Consistency: make([][32]byte, protocol.MaxProof), Entries: make([]protocol.Logged, protocol.MaxEntries)}},
	} {
		body := m.Append(nil)
		got, err := protocol.Parse(m.Type(), body)
		if err != nil {
			t.Errorf("%v of %d bytes: %v", m.Type(), len(body), err)
		} else if !bytes.Equal(got.Append(nil), body) {
			t.Errorf("%v of %d bytes comes back changed", m.Type(), len(body))
		}
	}
}
