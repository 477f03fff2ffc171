package main

import (
	"bufio"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cinesync/cinesync/cmd/internal/identity"
	"github.com/cinesync/cinesync/protocol"
)

// idleLimit is what an idle daemon may keep resident: 30 MB.
const idleLimit = 30_000_000

// TestIdleDaemonIsSmall runs the real program against a coordinator that does not answer, and reads its resident memory once
// it has dialled and, later, once it has given up waiting.
func TestIdleDaemonIsSmall(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("resident memory is read from /proc")
	}
	if testing.Short() {
		t.Skip("builds and runs the real program")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "cinesyncd")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	device := filepath.Join(dir, "device")
	enrolled(t, program, device, silent.LocalAddr().String())

	daemon := exec.CommandContext(t.Context(), program, "run", "--verbose", "--dir", device)
	complaints, err := daemon.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := daemon.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if _, err := io.Copy(io.Discard, complaints); err != nil {
			t.Error(err)
		}
		if err := daemon.Wait(); err != nil {
			t.Errorf("an interrupted daemon ends with %v", err)
		}
	}()
	if err := silent.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := silent.ReadFrom(make([]byte, 1500)); err != nil {
		t.Fatalf("the daemon does not dial: %v", err)
	}
	checkResident(t, daemon.Process.Pid, "while it dials")
	for lines := bufio.NewScanner(complaints); lines.Scan(); {
		if strings.Contains(lines.Text(), "connect to coordinator") {
			checkResident(t, daemon.Process.Pid, "after an attempt failed")
			return
		}
	}
	t.Error("the daemon ended before it gave up an attempt")
}

// enrolled makes a device whose coordinator is at addr.
func enrolled(t *testing.T, program, dir, addr string) {
	t.Helper()
	pub := hex.EncodeToString(authority().Public().(ed25519.PublicKey))
	init := exec.CommandContext(t.Context(), program, "init", "--dir", dir, "--coordinator", addr, "--coordinator-key", pub, "--authority", pub, "--log-key", pub, "--log-origin", "example.org/log")
	if out, err := init.CombinedOutput(); err != nil {
		t.Fatalf("init: %v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "identity.request"))
	if err != nil {
		t.Fatal(err)
	}
	req, err := protocol.ParseRequestArmor(text)
	if err != nil {
		t.Fatal(err)
	}
	cert := protocol.IssueCert(authority(), protocol.Cert{IDPK: req.IDPK, Class: req.Class, NotAfter: uint64(time.Now().Add(time.Hour).Unix()), Quota: 1})
	if err := identity.WriteCert(filepath.Join(dir, "identity.cert"), cert, nil); err != nil {
		t.Fatal(err)
	}
}

func checkResident(t *testing.T, pid int, when string) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(status), "VmRSS:")
	var kib int
	if _, err := fmt.Sscan(rest, &kib); !ok || err != nil {
		t.Fatalf("read VmRSS: %v", err)
	}
	t.Logf("resident %s: %d kB", when, kib*1024/1000)
	if kib*1024 >= idleLimit {
		t.Errorf("resident %s: %d bytes, at most %d are allowed", when, kib*1024, idleLimit)
	}
}
