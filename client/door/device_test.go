package door_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// disk is a store in memory. Its n-th commit fails, as often as the door asks.
type disk struct {
	mu      sync.Mutex
	entries [][]byte
	session []byte
	outbox  map[string]door.OutboxRow
	kept    []door.Receipt
	commits int
	erased  int // those that dropped secrets
	failAt  int
	refuse  bool     // the next commit with a ledger entry fails
	files   *files   // whose vectors a session may refer to
	given   [][]byte // sessions as they were handed over or lent, not copied
	early   bool     // one that must outlive a power cut was recorded before they were
}

var errFull = errors.New("the disk is full")

func (s *disk) Entries(context.Context) ([][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.entries), nil
}

func (s *disk) Session(context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lent := bytes.Clone(s.session)
	s.given = append(s.given, lent)
	return lent, nil
}

func (s *disk) Commit(_ context.Context, c door.Commit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given = append(s.given, c.Session)
	if c.Erase {
		s.erased++
	}
	if s.commits++; s.commits == s.failAt {
		return errFull
	}
	if s.refuse && c.Entry != nil {
		s.refuse = false
		return errFull
	}
	if !c.Lazy && s.files != nil {
		s.files.mu.Lock()
		s.early = s.early || s.files.dirty
		s.files.mu.Unlock()
	}
	if c.Entry != nil {
		s.entries = append(s.entries, bytes.Clone(c.Entry))
	}
	if c.SaveSession {
		s.session = bytes.Clone(c.Session)
	}
	if c.Receipt != nil {
		s.kept = append(s.kept, *c.Receipt)
	}
	for _, row := range c.Outbox {
		if s.outbox == nil {
			s.outbox = map[string]door.OutboxRow{}
		}
		s.outbox[string(row.Key)] = row
	}
	return nil
}

func (s *disk) Rows(context.Context) ([]door.Row, error) {
	var out []door.Row
	for i, b := range s.entries {
		out = append(out, door.Row{Seq: uint64(i + 1), Bytes: b})
	}
	return out, nil
}

func (s *disk) Restart(_ context.Context, _ time.Time, first door.Row, _ bool) error {
	s.entries = [][]byte{first.Bytes}
	return nil
}

// charged says whether the ledger on this disk has paid for a session.
func (s *disk) charged(sid [32]byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.entries, func(b []byte) bool {
		e, err := privacy.ParseEntry(b)
		return err == nil && e.SID == sid
	})
}

// tally is a counter in memory, apart from the disk.
type tally struct {
	mu      sync.Mutex
	seq     uint64
	known   bool
	damaged bool
	fail    string // "before": the next Record writes nothing; "after": it writes and says that it failed
}

func (c *tally) Reached(context.Context) (uint64, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.damaged {
		return 0, false, door.ErrCounter
	}
	return c.seq, c.known, nil
}

func (c *tally) Record(_ context.Context, seq uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	fail := c.fail
	c.fail = ""
	if fail == "before" {
		return errFull
	}
	c.seq, c.known, c.damaged = seq, true, false
	if fail == "after" {
		return errFull
	}
	return nil
}

func (c *tally) at() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seq
}

// files are the vectors' scratch, in memory, which outlives the door as a disk does. Each method can be made to fail.
type files struct {
	participant.Memory
	mu    sync.Mutex
	dirty bool // something was written since the last Sync
	fail  string
	draw  time.Duration // how long the noise takes
}

func (f *files) step(name string, dirty bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail == name {
		return errFull
	}
	if name != "keep" {
		f.dirty = dirty
	}
	return nil
}

func (f *files) Write(name string, at int64, p []byte) error {
	if name == "noised" && f.draw > 0 {
		pass(f.draw)
	}
	return errors.Join(f.step("write", true), f.Memory.Write(name, at, p))
}

func (f *files) Sync() error { return f.step("sync", false) }

func (f *files) Keep(names ...string) error {
	return errors.Join(f.step("keep", false), f.Memory.Keep(names...))
}

// models keeps files in memory.
type models struct {
	mu     sync.Mutex
	part   map[[32]byte][]byte
	whole  map[[32]byte][]byte
	newest [32]byte
}

func (m *models) lock() func() {
	m.mu.Lock()
	if m.part == nil {
		m.part, m.whole = map[[32]byte][]byte{}, map[[32]byte][]byte{}
	}
	return m.mu.Unlock
}

func (m *models) Read(h [32]byte) ([]byte, error) {
	defer m.lock()()
	if b, ok := m.whole[h]; ok {
		return b, nil
	}
	return nil, fs.ErrNotExist
}

func (m *models) Resume(h [32]byte, w io.Writer) (int64, bool, error) {
	defer m.lock()()
	if _, ok := m.whole[h]; ok {
		return 0, true, nil
	}
	n, err := w.Write(m.part[h])
	return int64(n), false, err
}

func (m *models) Append(h [32]byte, offset int64, b []byte) error {
	defer m.lock()()
	m.part[h] = append(m.part[h][:offset:offset], b...)
	return nil
}

func (m *models) Finish(h [32]byte) error {
	defer m.lock()()
	m.whole[h] = m.part[h]
	delete(m.part, h)
	return nil
}

func (m *models) Promote(h [32]byte) error { defer m.lock()(); m.newest = h; return nil }

func (m *models) Discard(h [32]byte) error { defer m.lock()(); delete(m.part, h); return nil }

// Base is the newest model, or else the only one.
func (m *models) Base() ([32]byte, int64, error) {
	defer m.lock()()
	if b, ok := m.whole[m.newest]; ok {
		return m.newest, int64(len(b)), nil
	}
	for h, b := range m.whole {
		return h, int64(len(b)), nil
	}
	return [32]byte{}, 0, nil
}

// Rebuild finds the byte that a delta of these tests lacks.
func (m *models) Rebuild(h, base, name [32]byte) (bool, error) {
	defer m.lock()()
	d := m.part[name]
	delete(m.part, name)
	for c := range 256 {
		if file := append(d[:len(d):len(d)], byte(c)); m.whole[base] != nil && sha256.Sum256(file) == h {
			m.whole[h] = file
			return true, nil
		}
	}
	return false, nil
}

// answers is the local function.
type answers func(ctx context.Context, t door.Task) (door.Answer, error)

func (f answers) Answer(ctx context.Context, t door.Task) (door.Answer, error) { return f(ctx, t) }

// phone is a device: its disk and models live on when its door is closed.
type phone struct {
	t      *testing.T
	r      *rig
	disk   disk
	tally  tally
	files  files
	models models
	deltas bool
	answer answers
	hold   time.Duration
	starts int
	log    *slog.Logger
	stall  protocol.Type                     // a message of this kind never goes out
	now    func() time.Time                  // or nil
	told   func(door.Event)                  // or nil
	wrap   func(protocol.Conn) protocol.Conn // or nil

	mu     sync.Mutex
	events []door.Event
	sent   []protocol.Message
	times  []time.Time // of each
	roster time.Time   // when the last one came
	hung   time.Time   // when the device hung up first
	drew   [][]byte    // what the device read of its random source
	bytes  int64
	dials  []time.Time
	open   int // connections
	stop   context.CancelFunc
	done   chan error
	door   *door.Door
}

func newPhone(t *testing.T, r *rig) *phone {
	p := &phone{t: t, r: r, files: files{Memory: *participant.NewMemory()}}
	p.disk.files = &p.files
	p.answer = func(context.Context, door.Task) (door.Answer, error) {
		u := make([]float32, r.d)
		for i := range u {
			u[i] = float32(i%3) - 1
		}
		return door.Answer{LayoutHash: layout, Update: participant.Floats(u)}, nil
	}
	return p
}

// start opens the door and lets it run.
func (p *phone) start() {
	p.t.Helper()
	p.starts++
	party := p.r.participant(p.r.dev, fmt.Sprintf("device %d", p.starts))
	party.Random = &tap{r: party.Random, p: p}
	cfg := door.Config{Participant: party, Store: &p.disk, Counter: &p.tally, Scratch: &p.files, Models: &p.models, Answerer: p.answer,
		Log: p.log, Hold: p.hold, Dial: p.dial, Now: p.now, OnEvent: func(e door.Event) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.events = append(p.events, e)
			if p.told != nil {
				p.told(e)
			}
		}}
	if p.deltas {
		cfg.Deltas = &p.models
	}
	d, err := door.Open(p.t.Context(), cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	p.door = d
	p.run()
}

// tap remembers what was drawn: some of it is the session's secrets as they are.
type tap struct {
	r io.Reader
	p *phone
}

func (t *tap) Read(b []byte) (int, error) {
	n, err := t.r.Read(b)
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	t.p.drew = append(t.p.drew, bytes.Clone(b[:n]))
	return n, err
}

// secret tells whether any of what was drawn lies in b.
func (p *phone) secret(b []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.drew, func(s []byte) bool { return len(s) == 32 && bytes.Contains(b, s) })
}

func (p *phone) run() {
	ctx, stop := context.WithCancel(p.t.Context())
	p.stop, p.done = stop, make(chan error, 1)
	go func() { p.done <- p.door.Run(ctx) }()
}

// close ends Run and wants no error.
func (p *phone) close() {
	p.t.Helper()
	p.stop()
	if err := <-p.done; err != nil {
		p.t.Errorf("Run ended with %v", err)
	}
}

func (p *phone) dial(ctx context.Context) (protocol.Conn, error) {
	p.mu.Lock()
	p.dials = append(p.dials, time.Now())
	p.mu.Unlock()
	c, err := p.r.net.Dial(ctx, "s", p.r.dev.Cert)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open++
	if p.wrap != nil {
		return p.wrap(&tapped{Conn: c, p: p}), nil
	}
	return &tapped{Conn: c, p: p}, nil
}

// tapped counts what is handed to a connection, and holds each message against the disk.
type tapped struct {
	protocol.Conn
	p    *phone
	once sync.Once
}

func (c *tapped) Send(ctx context.Context, m protocol.Message) error {
	c.p.mu.Lock()
	frame, err := protocol.AppendFrame(nil, m)
	if err != nil {
		c.p.t.Error(err)
	}
	c.p.bytes += int64(len(frame))
	copied, err := protocol.Parse(m.Type(), frame[protocol.HeaderSize:]) // the device erases what it holds at the round's end
	if err != nil {
		c.p.t.Error(err)
	}
	c.p.sent = append(c.p.sent, copied)
	c.p.times = append(c.p.times, time.Now())
	c.p.mu.Unlock()
	var sid [32]byte
	switch m := m.(type) {
	case *protocol.Input:
		sid = m.SID
	case *protocol.Chunk:
		sid = m.SID
	case *protocol.Reveal:
		sid = m.SID
	}
	if sid != [32]byte{} && !c.p.disk.charged(sid) {
		c.p.t.Errorf("a %v left, and its charge is not on the disk", m.Type())
	}
	if in, ok := m.(*protocol.Input); ok && c.p.tally.at() < in.LedgerSeq {
		c.p.t.Errorf("ledger entry %d was paid for a vector that leaves, and the counter stands at %d", in.LedgerSeq, c.p.tally.at())
	}
	if m.Type() == c.p.stall {
		<-ctx.Done()
		return protocol.ErrLost
	}
	return c.Conn.Send(ctx, m)
}

// Recv notes when the roster comes.
func (c *tapped) Recv(ctx context.Context) (protocol.Message, error) {
	m, err := c.Conn.Recv(ctx)
	if _, ok := m.(*protocol.Roster); ok {
		c.p.mu.Lock()
		defer c.p.mu.Unlock()
		c.p.roster = time.Now()
	}
	return m, err
}

func (c *tapped) Close(code protocol.Code, detail string) error {
	c.once.Do(func() {
		c.p.mu.Lock()
		defer c.p.mu.Unlock()
		c.p.open--
		if c.p.hung.IsZero() {
			c.p.hung = time.Now()
		}
	})
	return c.Conn.Close(code, detail)
}

func (p *phone) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open
}

func sentOf[M protocol.Message](p *phone) []M {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []M
	for _, m := range p.sent {
		if m, ok := m.(M); ok {
			out = append(out, m)
		}
	}
	return out
}

func (p *phone) seen(kind string) []door.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.events), func(e door.Event) bool { return e.Kind != kind })
}

// result waits for a round's end.
func (r *rig) result() *round.Result {
	r.t.Helper()
	select {
	case res := <-r.results:
		return res
	case <-time.After(2 * time.Hour):
		r.t.Fatal("the round does not end")
		return nil
	}
}

// checkEgress holds what went over connections against what the door says of itself.
func (p *phone) checkEgress() {
	p.t.Helper()
	up, _ := p.door.Traffic()
	p.mu.Lock()
	bytes := p.bytes
	p.mu.Unlock()
	if p.starts == 1 && up != bytes {
		p.t.Errorf("%d bytes were handed to connections, Traffic says %d", bytes, up)
	}
	rows := map[[32]byte]door.OutboxRow{}
	for _, row := range p.disk.outbox {
		rows[row.Digest] = row
	}
	headers := map[[32]byte]*protocol.Input{}
	for _, in := range sentOf[*protocol.Input](p) {
		row, ok := rows[in.YHash]
		if !ok || row.Bytes != int64(len(in.Append(nil)))+int64(in.Length) {
			p.t.Errorf("an input header of %d bytes over %d has no outbox row that says so: %+v", len(in.Append(nil)), in.Length, row)
		}
		headers[in.SID] = in
	}
	for _, c := range sentOf[*protocol.Chunk](p) {
		in := headers[c.SID]
		if in == nil || in.Chunks[c.Offset/protocol.ChunkSize] != sha256.Sum256(c.Data) {
			p.t.Errorf("a chunk at %d left without a header that announced it", c.Offset)
		}
	}
}
