package quic

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go/testutils/simnet"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
	"github.com/cinesync/cinesync/protocol/stream"
)

// lim are the limits of every test here.
var lim = stream.Defaults()

// within fails unless run takes from least to most of the bubble's time.
func within(t *testing.T, least, most time.Duration, run func()) {
	t.Helper()
	start := time.Now()
	run()
	if took := time.Since(start); took < least || took > most {
		t.Errorf("it took %v, want %v to %v", took, least, most)
	}
}

// slack is what a few round trips and the loss timers may add to a wait.
const slack = time.Second

func wantCode(t testing.TB, err error, code protocol.Code, text string) {
	t.Helper()
	var hung *protocol.HangUpError
	if !errors.As(err, &hung) || hung.Code != code || !strings.Contains(hung.Detail, text) {
		t.Errorf("error %v, want a hang-up with code %v and %q", err, code, text)
	}
}

func TestSilentDeviceIsHungUpOnAfterFiveSeconds(t *testing.T) {
	simulate(t, coordinatorConfig(), func(t *testing.T, w *world) {
		client, server := w.connect(deviceConfig())
		within(t, lim.FirstFrame-slack, lim.FirstFrame+slack, func() {
			_, err := server.Recv(t.Context())
			if !errors.Is(err, protocol.ErrLost) {
				t.Errorf("the coordinator receives %v, want ErrLost", err)
			}
			_, err = client.Recv(t.Context())
			wantCode(t, err, protocol.CodeTimeout, "no message came")
		})
	})
}

func TestFirstFrameMustBeWholeWithinFiveSeconds(t *testing.T) {
	simulate(t, coordinatorConfig(), func(t *testing.T, w *world) {
		client, server := w.connect(deviceConfig())
		if _, err := raw(t, client).Write([]byte("CS\x02\x01")); err != nil {
			t.Fatal(err)
		}
		within(t, lim.FirstFrame-slack, lim.FirstFrame+slack, func() {
			if _, err := server.Recv(t.Context()); !errors.Is(err, protocol.ErrLost) {
				t.Errorf("the coordinator receives %v, want ErrLost", err)
			}
			_, err := client.Recv(t.Context())
			wantCode(t, err, protocol.CodeTimeout, "the first within 5 s")
		})
	})
}

func TestFrameMustComeAtOneKiBPerSecond(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes int // every 100 ms
		fast  bool
	}{
		{"slower", 100, false},
		{"faster", 110, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			simulate(t, coordinatorConfig(), func(t *testing.T, w *world) {
				client, server := w.connect(deviceConfig())
				w.speak(client, server)
				frame, err := protocol.AppendFrame(nil, &protocol.Chunk{Data: make([]byte, 50<<10)})
				if err != nil {
					t.Fatal(err)
				}
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() {
					defer close(done)
					for ; len(frame) > 0 && ctx.Err() == nil; frame = frame[min(c.bytes, len(frame)):] {
						if _, err := raw(t, client).Write(frame[:min(c.bytes, len(frame))]); err != nil {
							return
						}
						<-time.After(100 * time.Millisecond)
					}
				}()
				_, err = server.Recv(t.Context())
				if c.fast && err != nil || !c.fast && !errors.Is(err, protocol.ErrLost) {
					t.Errorf("receive: %v", err)
				}
				stop()
				<-done
				if !c.fast {
					_, err := client.Recv(t.Context())
					wantCode(t, err, protocol.CodeTimeout, "1 KiB/s")
				}
			})
		})
	}
}

func TestSendToAPeerThatNeverReadsEnds(t *testing.T) {
	for name, cut := range map[string]int{"a whole frame more": 0, "the header read": protocol.HeaderSize} {
		t.Run(name, func(t *testing.T) {
			simulate(t, coordinatorConfig(), func(t *testing.T, w *world) {
				client, server := w.connect(deviceConfig())
				w.speak(client, server)
				within(t, lim.Stall, 3*lim.Stall, func() {
					for {
						if err := client.Send(context.Background(), &protocol.Chunk{Data: make([]byte, protocol.ChunkSize-cut)}); err != nil {
							if !errors.Is(err, protocol.ErrLost) {
								t.Errorf("send: %v, want ErrLost", err)
							}
							return
						}
					}
				})
				_, err := server.Recv(t.Context())
				wantCode(t, err, protocol.CodeTimeout, "must be read")
			})
		})
	}
}

func TestQuietConnectionIsKeptWhileTheDeviceWantsIt(t *testing.T) {
	simulate(t, coordinatorConfig(), func(t *testing.T, w *world) {
		client, server := w.connect(deviceConfig())
		w.speak(client, server)
		prototest.Quiet(t, client, server)
	})
}

func TestQuietConnectionEndsWithoutKeepAlive(t *testing.T) {
	simulate(t, coordinatorConfig(), func(t *testing.T, w *world) {
		cfg := deviceConfig()
		cfg.KeepAlive = -1
		client, server := w.connect(cfg)
		w.speak(client, server)
		within(t, 29*time.Second, 31*time.Second, func() {
			for _, c := range []protocol.Conn{server, client} {
				if _, err := c.Recv(t.Context()); !errors.Is(err, protocol.ErrLost) || !strings.Contains(err.Error(), "nothing came for 30s") {
					t.Errorf("receive: %v, want ErrLost after 30s", err)
				}
			}
		})
	})
}

func TestVanishedPeerIsLostAfterIdleTime(t *testing.T) {
	simulate(t, coordinatorConfig(), func(t *testing.T, w *world) {
		client, server := w.connect(deviceConfig())
		w.speak(client, server)
		if _, err := raw(t, client).Write([]byte("CS\x02\x0c\x00\x00\x00\x00\x00\x00\x10\x00half of a chunk")); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		w.router.losing(dark)
		within(t, 0, 46*time.Second, func() { // the device pings once more before it gives up
			for _, c := range []protocol.Conn{server, client} {
				if m, err := c.Recv(t.Context()); !errors.Is(err, protocol.ErrLost) {
					t.Errorf("received %v, %v; want ErrLost", m, err)
				}
			}
		})
	})
}

func TestCloseWaitsOneSecondForAVanishedPeer(t *testing.T) {
	simulate(t, coordinatorConfig(), func(t *testing.T, w *world) {
		client, server := w.connect(deviceConfig())
		w.speak(client, server)
		w.router.losing(dark)
		within(t, 0, lim.Linger+slack, func() {
			if err := client.Close(protocol.CodeOK, ""); err != nil {
				t.Error(err)
			}
		})
		if _, err := server.Recv(t.Context()); !errors.Is(err, protocol.ErrLost) {
			t.Errorf("the server receives %v, want ErrLost", err)
		}
	})
}

func TestCloseWhileASendIsStuckIsBounded(t *testing.T) {
	simulate(t, coordinatorConfig(), func(t *testing.T, w *world) {
		client, server := w.connect(deviceConfig())
		w.speak(client, server)
		stuck := make(chan error, 1)
		go func() {
			for {
				if err := client.Send(context.Background(), &protocol.Chunk{Data: make([]byte, protocol.ChunkSize)}); err != nil {
					stuck <- err
					return
				}
			}
		}()
		<-time.After(slack)
		within(t, 0, lim.Linger+slack, func() {
			if err := client.Close(protocol.CodeShutdown, "stops"); err != nil {
				t.Error(err)
			}
			if err := <-stuck; !errors.Is(err, protocol.ErrClosed) {
				t.Errorf("the stuck send returns %v, want ErrClosed", err)
			}
		})
		_, err := server.Recv(t.Context())
		wantCode(t, err, protocol.CodeShutdown, "stops")
	})
}

func TestDialOfADeadAddressEndsWithAHint(t *testing.T) {
	simulate(t, coordinatorConfig(), func(t *testing.T, w *world) {
		w.router.losing(dark)
		within(t, 0, 2*handshakeTimeout+slack, func() {
			_, err := DialOn(context.Background(), w.device, w.listener.Addr(), deviceConfig())
			if !errors.Is(err, protocol.ErrLost) || !strings.Contains(err.Error(), "is the coordinator running") {
				t.Errorf("dial: %v", err)
			}
		})
	})
}

func TestFullMemoryTurnsFramesAwayAfterTenSeconds(t *testing.T) {
	cfg := coordinatorConfig()
	cfg.Memory = protocol.MaxRosterBundle
	simulate(t, cfg, func(t *testing.T, w *world) {
		client, server := w.connect(deviceConfig())
		w.speak(client, server)
		held := int(cfg.Memory - protocol.ChunkSize)
		if err := w.listener.e.stream.Memory.Take(t.Context(), nil, lim.MemoryWait, held); err != nil { // other connections' messages
			t.Fatal(err)
		}
		within(t, lim.MemoryWait, lim.MemoryWait+slack, func() {
			sent := make(chan error, 1)
			go func() {
				sent <- client.Send(context.Background(), &protocol.Chunk{Data: make([]byte, protocol.ChunkSize)})
			}()
			if _, err := server.Recv(t.Context()); !errors.Is(err, stream.ErrNoMemory) {
				t.Errorf("the server receives %v, want stream.ErrNoMemory", err)
			}
			wantCode(t, <-sent, protocol.CodeBusy, "no memory is free")
			var hung *protocol.HangUpError
			if _, err := client.Recv(t.Context()); !errors.As(err, &hung) || hung.RetryAfter != stream.BusyRetry {
				t.Errorf("the client receives %v, want a wish to retry after %d s", err, stream.BusyRetry)
			}
		})
		w.listener.e.stream.Memory.Give(held)
		if err := w.listener.e.stream.Memory.Take(t.Context(), nil, lim.MemoryWait, int(cfg.Memory)); err != nil {
			t.Errorf("memory was not given back: %v", err)
		}
	})
}

func TestUploadSurvivesLossOfEveryTenthPacket(t *testing.T) {
	simulate(t, coordinatorConfig(), func(t *testing.T, w *world) {
		client, server := w.connect(deviceConfig())
		w.router.losing(func(n int, _ simnet.Packet) bool { return n%10 == 0 })
		const chunks = 8
		sent := make(chan error, 1)
		go func() {
			for i := range uint64(chunks) {
				if err := client.Send(t.Context(), &protocol.Chunk{Offset: i, Data: make([]byte, protocol.ChunkSize)}); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		for i := range uint64(chunks) {
			m, err := server.Recv(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := m.(*protocol.Chunk).Offset; got != i {
				t.Fatalf("chunk %d came, want %d", got, i)
			}
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
	})
}
