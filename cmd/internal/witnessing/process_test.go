package witnessing

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/audit/witness"
)

// TestMain is also the witness's process: a test starts this binary again with a role and a folder.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		exit(Serve(ctx, os.Args[2], Options{Listen: "127.0.0.1:0", Ready: func(r Running) { fmt.Println(r.Address) }}))
	}
	if len(os.Args) == 3 && os.Args[1] == "stop-when-kept" {
		exit(stopWhenKept(os.Args[2]))
	}
	os.Exit(m.Run())
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// stopWhenKept serves a folder, and comes to a stand between writing a checkpoint down and answering with its signature.
func stopWhenKept(dir string) error {
	me, key, err := Load(dir)
	if err != nil {
		return err
	}
	logs, err := openLogs(dir)
	if err != nil {
		return err
	}
	w, err := witness.New(witness.Config{Name: me.Name, Key: key, Store: standing{logs}, Now: time.Now})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	return http.Serve(l, w)
}

type standing struct{ *witness.Folder }

func (s standing) Save(origin string, note []byte) error {
	if err := s.Folder.Save(origin, note); err != nil {
		return err
	}
	fmt.Println("kept")
	select {}
}

// process is a witness that runs, and what it prints.
type process struct {
	cmd     *exec.Cmd
	out     *bufio.Reader
	address string
}

func start(t *testing.T, role, dir string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0], role, dir)}
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	p.out = bufio.NewReader(out)
	p.address = p.line(t)
	return p
}

func (p *process) line(t *testing.T) string {
	t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("the witness ended before it said something: %v", err)
	}
	return strings.TrimSpace(line)
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var killed *exec.ExitError
	if err := p.cmd.Wait(); !errors.As(err, &killed) {
		t.Fatalf("the witness was killed, and ended with %v", err)
	}
}

func (p *process) post(body []byte) (int, string, error) {
	r, err := http.Post(p.address+"/add-checkpoint", "text/plain", bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	return r.StatusCode, string(b), err
}

func (p *process) want(t *testing.T, what string, body []byte, status int, answer string) {
	t.Helper()
	if got, text, err := p.post(body); err != nil || got != status || !strings.HasPrefix(text, answer) {
		t.Fatalf("%s: %d %q, %v; want %d %q", what, got, text, err, status, answer)
	}
}

const testOrigin = "cinesync.example/test"

func testKey(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

func newFolder(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "w")
	if _, err := Init(dir, "witness.example/w1", bytes.NewReader(make([]byte, 32))); err != nil {
		t.Fatal(err)
	}
	if err := AddLog(dir, testOrigin, testKey(9).Public().(ed25519.PublicKey)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func history(n, fork int, salt byte) *audit.Log {
	l := audit.NewLog()
	for i := range n {
		e := []byte{byte(i), 0}
		if i >= fork {
			e[1] = salt
		}
		l.Append(e)
	}
	return l
}

func request(t testing.TB, l *audit.Log, old, size uint64) []byte {
	t.Helper()
	proof, err := l.Consistency(old, size)
	if err != nil {
		t.Fatal(err)
	}
	note, err := audit.SignCheckpoint(testOrigin, testKey(9), size, l.Root(size))
	if err != nil {
		t.Fatal(err)
	}
	return audit.AddCheckpoint{Old: old, Proof: proof, Note: note}.Append(nil)
}

// TestKilledBetweenKeepingAndAnswering: the log of a witness that was killed there gets its signature from the next process, and another
// history does not.
func TestKilledBetweenKeepingAndAnswering(t *testing.T) {
	l, other, dir := history(20, 20, 0), history(20, 5, 1), newFolder(t)
	p := start(t, "stop-when-kept", dir)
	body, asked := request(t, l, 0, 12), make(chan error, 1)
	go func() {
		_, text, err := p.post(body)
		if err == nil {
			err = fmt.Errorf("answered %q", text)
		} else {
			err = nil
		}
		asked <- err
	}()
	if got := p.line(t); got != "kept" {
		t.Fatal(got)
	}
	p.kill(t)
	if err := <-asked; err != nil {
		t.Fatal(err)
	}
	p = start(t, "serve", dir)
	p.want(t, "the other history from nothing", request(t, other, 0, 12), 409, "12\n")
	p.want(t, "the other history of the same size", request(t, other, 12, 12), 409, "12\n")
	p.want(t, "the other history, longer", request(t, other, 12, 20), 422, "")
	p.want(t, "the same again", request(t, l, 12, 12), 200, "— witness.example/w1 ")
	p.want(t, "the same, longer", request(t, l, 12, 20), 200, "— witness.example/w1 ")
}

// TestKilledAtAnyTime: two histories race for a witness that is killed after its first answer and started again, over and over. Of what it
// signed in all its lives, no size has two roots.
func TestKilledAtAnyTime(t *testing.T) {
	if testing.Short() {
		t.Skip("a process for each life")
	}
	const lives, sizes = 8, 4
	logs, dir := []*audit.Log{history(lives*sizes, lives*sizes, 0), history(lives*sizes, 0, 1)}, newFolder(t)
	signed := map[uint64]int{}
	newest := uint64(0)
	for life := range uint64(lives) {
		p := start(t, "serve", dir)
		type answer struct {
			size    uint64
			history int
			ok      bool
		}
		answers := make(chan answer, 2*sizes)
		var group sync.WaitGroup
		for size := life*sizes + 1; size <= (life+1)*sizes; size++ {
			for h, l := range logs {
				body := request(t, l, newest, size)
				group.Go(func() {
					status, _, err := p.post(body)
					answers <- answer{size, h, err == nil && status == 200}
				})
			}
		}
		first := <-answers
		p.kill(t)
		group.Wait()
		close(answers)
		for a := range answers {
			if a.ok {
				signed[a.size] |= 1 << a.history
			}
		}
		if first.ok {
			signed[first.size] |= 1 << first.history
		}
		newest = kept(t, dir)
	}
	for size, by := range signed {
		if by == 3 {
			t.Errorf("both histories were signed at size %d", size)
		}
	}
	if len(signed) == 0 {
		t.Error("nothing was signed at all")
	}
}

func kept(t *testing.T, dir string) uint64 {
	t.Helper()
	f, err := openLogs(dir)
	if err != nil {
		t.Fatal(err)
	}
	logs, err := f.Load()
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if logs[0].Note == nil {
		return 0
	}
	cp, err := audit.OpenWitnessed(testOrigin, logs[0].Key, logs[0].Note)
	if err != nil {
		t.Fatal(err)
	}
	return cp.Size
}

func TestInterruptEndsIt(t *testing.T) {
	dir := newFolder(t)
	p := start(t, "serve", dir)
	p.want(t, "the first", request(t, history(3, 3, 0), 0, 3), 200, "— ")
	if err := AddLog(dir, "other.example", testKey(8).Public().(ed25519.PublicKey)); err == nil || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("a log was added while the witness runs: %v", err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if err := AddLog(dir, "other.example", testKey(8).Public().(ed25519.PublicKey)); err != nil {
		t.Error(err)
	}
}

func TestFolderMustBeWhole(t *testing.T) {
	remove := func(name string) func(string) error {
		return func(dir string) error { return os.RemoveAll(filepath.Join(dir, name)) }
	}
	for name, tt := range map[string]struct {
		want  string
		spoil func(dir string) error
	}{
		"no folder":        {"holds no witness", os.RemoveAll},
		"no public file":   {"holds no witness", remove(publicFile)},
		"no key":           {"is missing", remove(keyFile)},
		"no log":           {"signs for no log yet", remove(logsFolder)},
		"a damaged name":   {"put back what", func(dir string) error { return os.WriteFile(filepath.Join(dir, publicFile), []byte("x"), 0o644) }},
		"a stranger's key": {"another key", func(dir string) error { return exchange(dir) }},
		"an open key":      {"others may read it", func(dir string) error { return os.Chmod(filepath.Join(dir, keyFile), 0o644) }},
		"a damaged memory": {"is damaged", func(dir string) error {
			files, err := filepath.Glob(filepath.Join(dir, logsFolder, "*.log"))
			return errors.Join(err, os.Truncate(files[0], 40))
		}},
	} {
		dir := newFolder(t)
		if err := tt.spoil(dir); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Serve(ctx, dir, Options{Listen: "127.0.0.1:0"}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q in it", name, err, tt.want)
		}
	}
	if _, err := Init(newFolder(t), "w", bytes.NewReader(make([]byte, 32))); err == nil {
		t.Error("a witness was made over another")
	}
	if _, err := Init(t.TempDir(), "a b", bytes.NewReader(make([]byte, 32))); err == nil {
		t.Error("a witness without a proper name was made")
	}
}

func exchange(dir string) error {
	w := audit.Witness{Name: "w", Key: testKey(3).Public().(ed25519.PublicKey)}
	return os.WriteFile(filepath.Join(dir, publicFile), []byte(w.VerifierKey()+"\n"), 0o644)
}
