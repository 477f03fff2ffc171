package protocol_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

// canary is 32 bytes that no output may hold, in any of the ways in which bytes are written.
var canary = [32]byte([]byte("canary-canary-canary-canary-cana"))

func TestSecretsDoNotPrint(t *testing.T) {
	share := protocol.PeerShare{Index: 3, Share: canary}
	reveal := protocol.Reveal{SID: [32]byte{1}, HasOwn: 1, OwnB: canary, SelfShares: []protocol.PeerShare{share}, PairShares: []protocol.PeerShare{share}}
	id := prototest.Device()
	copy(id.Key, canary[:])
	signer := id.Signer(protocol.SigHybrid)
	for _, word := range []string{share.String(), share.GoString(), signer.String(), signer.GoString(), reveal.String(), reveal.GoString(), id.String(), id.GoString()} {
		silent(t, "the method", word)
	}
	type holder struct {
		Share  protocol.PeerShare
		Reveal protocol.Reveal
		ID     protocol.Identity
		Signer protocol.Signer
	}
	for name, v := range map[string]any{
		"share": share, "share pointer": &share, "shares": []protocol.PeerShare{share},
		"reveal": reveal, "reveal pointer": &reveal, "reveal as message": protocol.Message(&reveal),
		"identity": id, "identity pointer": &id, "signer": signer, "signer pointer": &signer,
		"all in a struct": holder{share, reveal, id, signer}, "all in a map": map[string]any{"a": share, "b": reveal, "c": id},
	} {
		t.Run(name, func(t *testing.T) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%U", "%08.3v"} {
				silent(t, verb, fmt.Sprintf(verb, v))
			}
			silent(t, "Errorf", fmt.Errorf("with %v", v).Error())
			for handler, make := range map[string]func(*bytes.Buffer) slog.Handler{
				"slog text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
				"slog json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
			} {
				var b bytes.Buffer
				slog.New(make(&b)).Info("x", "v", v, slog.Group("g", slog.Any("v", v)))
				if !strings.Contains(b.String(), "[secret]") {
					t.Errorf("%s prints no placeholder: %s", handler, b.String())
				}
				silent(t, handler, b.String())
			}
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			silent(t, "json", string(b))
		})
	}
}

func silent(t *testing.T, how, text string) {
	t.Helper()
	decimal := strings.Trim(fmt.Sprint(canary[:6]), "[]")
	for _, form := range []string{string(canary[:6]), hex.EncodeToString(canary[:6]), strings.ToUpper(hex.EncodeToString(canary[:6])), decimal,
		strings.ReplaceAll(decimal, " ", ","), strings.ReplaceAll(decimal, " ", ", "), base64.StdEncoding.EncodeToString(canary[:6]),
		strings.Trim(fmt.Sprintf("%#x", canary[:6]), "[]"), "0x63, 0x61, 0x6e", "'c'", "U+0063 U+0061"} {
		if strings.Contains(text, form) {
			t.Errorf("%s shows the secret: %s", how, text)
			return
		}
	}
}

func TestIdentityPrintsWhoItIs(t *testing.T) {
	id := prototest.Device()
	if got, want := fmt.Sprint(id), fmt.Sprintf("device %x [secret]", id.Cert.IDPK[:4]); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
