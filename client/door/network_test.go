package door_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/protocol"
)

func TestModelDownloadGoesOnAfterACut(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("restart %v", restart), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 64, 3*protocol.ChunkSize+5)
				p := newPhone(t, r)
				cut := make(chan struct{}, 1)
				r.meet = func(m protocol.Message) bool {
					if g, ok := m.(*protocol.ModelGet); ok && g.Offset == 2*protocol.ChunkSize && len(cut) == 0 {
						cut <- struct{}{}
						return false
					}
					return true
				}
				p.start()
				r.open()
				if restart {
					synctest.Wait()
					p.close()
					p.start()
				}
				if res := r.result(); res.U3 != 4 {
					t.Fatalf("%d vectors were summed", res.U3)
				}
				synctest.Wait()
				p.close()
				var offsets []uint64
				for _, g := range sentOf[*protocol.ModelGet](p) {
					if g.Hash == p.firstModel() {
						offsets = append(offsets, g.Offset/protocol.ChunkSize)
					}
				}
				if fmt.Sprint(offsets) != "[0 1 2 2 3]" {
					t.Errorf("asked for parts %v", offsets)
				}
			})
		})
	}
}

// firstModel is the file that the first round starts from.
func (p *phone) firstModel() [32]byte { return sentOf[*protocol.ModelGet](p)[0].Hash }

// TestWrongModelIsThrownAway lets the coordinator send another file than the log names (F04).
func TestWrongModelIsThrownAway(t *testing.T) {
	for name, tamper := range map[string]func(*protocol.ModelPart){
		"another byte":   func(m *protocol.ModelPart) { m.Data[7] ^= 1 },
		"another length": func(m *protocol.ModelPart) { m.Total++ },
		"nothing":        func(m *protocol.ModelPart) { m.Data = nil },
		"too much":       func(m *protocol.ModelPart) { m.Data = append(m.Data, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 64, 1000)
				p := newPhone(t, r)
				r.tamper = tamper
				p.start()
				r.open()
				if res := r.result(); res.U3 != 3 {
					t.Errorf("%d vectors were summed", res.U3)
				}
				synctest.Wait()
				p.close()
				refused := p.seen("refused")
				if len(refused) != 1 || !strings.Contains(refused[0].Detail, "F04 wrong_model") {
					t.Errorf("refused %+v", refused)
				}
				if len(p.models.whole)+len(p.models.part) != 0 || len(p.disk.entries) != 0 {
					t.Errorf("%d whole and %d partial models are kept, %d charges", len(p.models.whole), len(p.models.part), len(p.disk.entries))
				}
			})
		})
	}
}

// TestModelBeyondTheLimitIsNotAskedFor offers one that says so itself.
func TestModelBeyondTheLimitIsNotAskedFor(t *testing.T) {
	for _, c := range []struct {
		claims uint64
		asked  int
	}{{door.MaxModel, 1}, {door.MaxModel + 1, 0}, {1 << 63, 0}} {
		t.Run(fmt.Sprint(c.claims), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 64, 1000)
				r.claims = c.claims
				p := newPhone(t, r)
				p.start()
				r.open()
				if res := r.result(); res.U3 != 3 {
					t.Errorf("%d vectors were summed", res.U3)
				}
				synctest.Wait()
				p.close()
				var asked int
				for _, g := range sentOf[*protocol.ModelGet](p) {
					if g.Hash != r.model { // which this round published
						asked++
					}
				}
				if asked != c.asked {
					t.Errorf("asked for the offered model %d times, want %d", asked, c.asked)
				}
				if refused := p.seen("refused"); len(refused) != 1 || !strings.Contains(refused[0].Detail, "F04 wrong_model") {
					t.Errorf("refused %+v", refused)
				}
			})
		})
	}
}

// TestDamagedPartOnDiskIsDownloadedAgain is the device's own fault and costs it no round.
func TestDamagedPartOnDiskIsDownloadedAgain(t *testing.T) {
	for name, part := range map[string][]byte{"other bytes": []byte("XXXX"), "more than there is": make([]byte, 2000)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 64, 1000)
				p := newPhone(t, r)
				if err := p.models.Append(r.model, 0, part); err != nil {
					t.Fatal(err)
				}
				p.start()
				r.open()
				if res := r.result(); res.U3 != 4 {
					t.Errorf("%d vectors were summed; refused %+v", res.U3, p.seen("refused"))
				}
				synctest.Wait()
				p.close()
			})
		})
	}
}

// TestPublishedModelIsNotLostToTheNextRound cuts its download, and opens a round before it comes back.
func TestPublishedModelIsNotLostToTheNextRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 1000)
		p := newPhone(t, r)
		first, cut := r.model, make(chan struct{}, 1)
		r.meet = func(m protocol.Message) bool {
			if g, ok := m.(*protocol.ModelGet); ok && g.Hash != first && len(cut) == 0 {
				cut <- struct{}{}
				return false
			}
			return true
		}
		p.start()
		r.open()
		r.result()
		published := r.model
		r.open()
		r.result()
		synctest.Wait()
		p.close()
		models := p.seen("model")
		if len(models) != 2 || models[0].Model != published || p.models.newest != r.model {
			t.Errorf("published %x, then %x; promoted %+v", published[:4], r.model[:4], models)
		}
	})
}

// TestCoordinatorsWishesAreKept hangs up on every connection of an hour.
func TestCoordinatorsWishesAreKept(t *testing.T) {
	for _, c := range []struct {
		name        string
		hang        protocol.HangUp
		least, most int // connections in the hour
	}{
		{"busy for 10 minutes", protocol.HangUp{Code: protocol.CodeBusy, RetryAfter: 600}, 4, 6},
		{"busy for ever", protocol.HangUp{Code: protocol.CodeBusy, RetryAfter: 1 << 31}, 1, 1},
		{"shutdown", protocol.HangUp{Code: protocol.CodeShutdown}, 60, 260},
		{"nothing to say", protocol.HangUp{Code: protocol.CodeOK}, 60, 260},
		{"certificate refused", protocol.HangUp{Code: protocol.CodeUnauthorised}, 40, 130},
		{"late", protocol.HangUp{Code: protocol.CodeLate}, 2400, 7200},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 64, 100)
				r.greet = func(conn protocol.Conn) bool {
					if err := conn.Send(t.Context(), &c.hang); err != nil {
						t.Error(err)
					}
					return false
				}
				p := newPhone(t, r)
				var log bytes.Buffer
				p.log = slog.New(slog.NewTextHandler(&log, nil))
				p.start()
				pass(time.Hour)
				p.close()
				if told := strings.Contains(log.String(), "code=unauthorised"); told != (c.hang.Code == protocol.CodeUnauthorised) {
					t.Errorf("its owner is told: %v\n%s", told, &log)
				}
				if n := p.attempts(); n < c.least || n > c.most {
					t.Errorf("%d connections in an hour, want %d to %d", n, c.least, c.most)
				}
				for i := 1; i < len(p.dials) && c.hang.RetryAfter > 0; i++ {
					if wait := p.dials[i].Sub(p.dials[i-1]); wait < time.Duration(c.hang.RetryAfter)*time.Second {
						t.Errorf("came back after %v", wait)
					}
				}
				if p.connections() != 0 {
					t.Error("a connection was left open")
				}
			})
		})
	}
}

func (p *phone) attempts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.dials)
}

func TestCoordinatorThatIsAwayIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 100)
		p := newPhone(t, r)
		var log bytes.Buffer
		p.log = slog.New(slog.NewTextHandler(&log, nil))
		r.away(true)
		p.start()
		pass(time.Second)
		if n := p.attempts(); n < 3 || n > 10 {
			t.Errorf("%d attempts in the first second", n)
		}
		pass(time.Hour)
		if n := p.attempts(); n < 70 || n > 260 {
			t.Errorf("%d attempts in an hour", n)
		}
		r.away(false)
		r.open()
		if res := r.result(); res.U3 != 4 {
			t.Errorf("%d vectors were summed once it was back", res.U3)
		}
		synctest.Wait()
		p.close()
		if n := strings.Count(log.String(), "connect to coordinator"); n != 1 {
			t.Errorf("its owner is told %d times that it is away:\n%s", n, &log)
		}
	})
}

// TestSecretsGoWhateverTheCoordinatorDoes wants a session's secrets off the disk when the phase that could still use them is
// over, whatever the coordinator does or leaves: 3100 s after the offer, and a minute of grace.
func TestSecretsGoWhateverTheCoordinatorDoes(t *testing.T) {
	for name, retry := range map[string]uint32{"away": 0, "connected and silent": 0, "come back in a day": 24 * 3600} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 64, 100)
				p := newPhone(t, r)
				r.meet = func(m protocol.Message) bool {
					if m.Type() != protocol.TypeShares {
						return true
					}
					if name == "connected and silent" {
						r.machine = nil
						return true
					}
					if retry == 0 {
						r.away(true)
						return false
					}
					r.conn.Close(protocol.CodeBusy, "")
					return true
				}
				r.greet = func(conn protocol.Conn) bool {
					if len(sentOf[*protocol.Shares](p)) == 0 || retry == 0 {
						return true
					}
					if err := conn.Send(t.Context(), &protocol.HangUp{Code: protocol.CodeBusy, RetryAfter: retry}); err != nil {
						t.Error(err)
					}
					return false
				}
				p.start()
				r.open()
				pass(3159 * time.Second)
				if !p.secret(p.disk.saved()) {
					t.Error("no secrets are saved shortly before the deadline")
				}
				pass(2 * time.Second)
				if p.secret(p.disk.saved()) {
					t.Error("a session that can never go on still has its secrets on the disk")
				}
				p.close()
				if left := p.files.Names(); len(left) > 0 {
					t.Errorf("%v are left", left)
				}
			})
		})
	}
}

// TestReaderThatStallsDoesNotKeepSecretsAlive: a coordinator that takes no bytes holds the device no longer than the deadline.
func TestReaderThatStallsDoesNotKeepSecretsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 100)
		p := newPhone(t, r)
		p.stall = protocol.TypeChunk
		p.start()
		r.open()
		pass(3211 * time.Second) // unmask is at 3150 s, and a minute
		if p.secret(p.disk.saved()) {
			t.Error("the secrets are still on the disk")
		}
		p.close()
	})
}

// saved is the session on the disk.
func (s *disk) saved() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.session)
}
