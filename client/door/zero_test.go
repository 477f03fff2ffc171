package door_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/protocol"
)

func blank(b []byte) bool { return !slices.ContainsFunc(b, func(v byte) bool { return v != 0 }) }

// TestSavedStateIsClearedOnceItIsDurable looks at the very bytes that a store was given, and at those that it lent: they are zero,
// while the copy that it made holds a session that goes on.
func TestSavedStateIsClearedOnceItIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 100)
		p := newPhone(t, r)
		wanted := make(chan struct{})
		r.meet = func(m protocol.Message) bool {
			if m.Type() != protocol.TypeInput || isClosed(wanted) {
				return true
			}
			close(wanted)
			return false
		}
		p.start()
		r.open()
		<-wanted
		p.close()
		if !p.secret(p.disk.saved()) {
			t.Error("no secrets are on the disk, so this test shows nothing")
		}
		p.start() // from the copy
		if res := r.result(); res.U3 != 4 {
			t.Errorf("%d vectors were summed", res.U3)
		}
		synctest.Wait()
		p.close()
		if _, err := door.NewPeriod(t.Context(), &p.disk, nil, time.Now()); err != nil {
			t.Error(err)
		}
		full := 0
		for i, b := range p.disk.given {
			if !blank(b) {
				t.Errorf("session %d of %d is still there", i, len(p.disk.given))
			}
			full += len(b)
		}
		if full == 0 {
			t.Error("no session was saved")
		}
	})
}

// TestSavedStateIsClearedWhenItIsNotDurable: the store failed, and the door is shut for good.
func TestSavedStateIsClearedWhenItIsNotDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 100)
		p := newPhone(t, r)
		p.disk.failAt = 4
		p.start()
		r.open()
		r.result()
		if err := <-p.done; err == nil {
			t.Error("the store did not fail")
		}
		for i, b := range p.disk.given {
			if !blank(b) {
				t.Errorf("session %d is still there", i)
			}
		}
	})
}

// TestEarlierVersionsRoundIsErasedBeforeItConnects: the coordinator may be gone for ever.
func TestEarlierVersionsRoundIsErasedBeforeItConnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 100)
		p := newPhone(t, r)
		r.away(true)
		zero := base64.StdEncoding.EncodeToString(make([]byte, 32))
		head := fmt.Appendf(nil, `{"Version":3,"TreeRoot":"%s","Shunned":"%[1]s","Phase":3,"Session":{"Secrets":"AAAA"}}`, zero)
		rest := append(binary.BigEndian.AppendUint32(nil, uint32(len(head))), head...)
		sum := sha256.Sum256(rest)
		p.disk.session = append(sum[:], rest...)
		p.start()
		synctest.Wait()
		if b := p.disk.saved(); len(b) == 0 || bytes.Contains(b, []byte("Secrets")) || p.disk.erased != 1 {
			t.Errorf("erased %d times, and saved is %q", p.disk.erased, b)
		}
		p.close()
	})
}
