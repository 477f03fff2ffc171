package witness

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cinesync/cinesync/audit"
)

// ClientConfig makes a client of one log.
type ClientConfig struct {
	Origin    string
	LogKey    ed25519.PublicKey
	Policy    audit.WitnessPolicy
	Addresses []string          // submission prefixes, one for each witness in the policy's order: http://host:port or https://host/path
	Transport http.RoundTripper // nil = one of its own
	Timeout   time.Duration     // of one request; 0 = 10 s
	Now       func() time.Time
}

// Client asks the witnesses of a policy to cosign the checkpoints of one log. It is safe for concurrent use.
type Client struct {
	cfg   ClientConfig
	http  *http.Client
	peers []*peer
}

// peer is one witness as the client sees it.
type peer struct {
	audit.Witness
	address string
	size    atomic.Uint64 // of the tree it signed last, as far as the client knows
}

const (
	defaultTimeout = 10 * time.Second
	maxAnswer      = 8 << 10 // bytes of an answer that are read
	maxSkew        = 12 * time.Hour
)

// NewClient checks the configuration. It asks nobody yet.
func NewClient(cfg ClientConfig) (*Client, error) {
	if err := cfg.Policy.Validate(); err != nil {
		return nil, fmt.Errorf("witness client: %w", err)
	}
	if len(cfg.Addresses) != len(cfg.Policy.Witnesses) {
		return nil, fmt.Errorf("witness client: %d addresses for %d witnesses", len(cfg.Addresses), len(cfg.Policy.Witnesses))
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Transport == nil {
		cfg.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, MaxResponseHeaderBytes: maxAnswer, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true}
	}
	c := &Client{cfg: cfg, http: &http.Client{Transport: cfg.Transport, Timeout: cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	for i, w := range cfg.Policy.Witnesses {
		u, err := url.Parse(cfg.Addresses[i])
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("witness client: the address %q of %s is not http://host or https://host", cfg.Addresses[i], w.Name)
		}
		c.peers = append(c.peers, &peer{Witness: w, address: strings.TrimSuffix(u.String(), "/") + "/add-checkpoint"})
	}
	return c, nil
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Cosign asks every witness at the same time for its cosignature on note, the log's checkpoint of size entries, and returns the canonical
// note as soon as a quorum has signed; the others are left. prove gives the consistency proof from old entries to size. It is called from
// other goroutines, several at once, and not after Cosign has returned. If no quorum can be had, the error names each witness and its reason; the caller tries again.
func (c *Client) Cosign(ctx context.Context, note []byte, size uint64, prove func(old uint64) ([][32]byte, error)) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	type answer struct {
		line []byte
		err  error
	}
	answers := make(chan answer, len(c.peers))
	for _, p := range c.peers {
		go func() {
			line, err := c.ask(ctx, p, note, size, prove)
			if err != nil {
				err = fmt.Errorf("witness %s: %w", p.Name, err)
			}
			answers <- answer{line, err}
		}()
	}
	var lines [][]byte
	var problems []error
	cut := false
	for open := len(c.peers); open > 0; open-- {
		// From here on the outcome may be certain; then the others are cut off, and waited for.
		if len(lines) >= c.cfg.Policy.Quorum || len(lines)+open < c.cfg.Policy.Quorum {
			cut = true
			cancel()
		}
		switch a := <-answers; {
		case a.err == nil:
			lines = append(lines, a.line)
		case !cut || !errors.Is(a.err, context.Canceled):
			problems = append(problems, a.err)
		}
	}
	cancel()
	if len(lines) < c.cfg.Policy.Quorum {
		return nil, fmt.Errorf("cosign the checkpoint of %d entries: %d of the %d cosignatures needed: %w", size, len(lines), c.cfg.Policy.Quorum, errors.Join(problems...))
	}
	out, err := audit.AddCosignatures(note, lines, c.cfg.Policy)
	if err == nil {
		_, err = c.cfg.Policy.Open(c.cfg.Origin, c.cfg.LogKey, out)
	}
	if err != nil {
		return nil, fmt.Errorf("cosign the checkpoint of %d entries: %w", size, err)
	}
	return out, nil
}

// ask gets one witness's line. If the witness last signed another size than was thought, it is asked once more, from there.
func (c *Client) ask(ctx context.Context, p *peer, note []byte, size uint64, prove func(uint64) ([][32]byte, error)) ([]byte, error) {
	old := p.size.Load()
	if old > size {
		old = 0 // a guess of another time; the witness will tell
	}
	for tries := 0; ; tries++ {
		proof, err := prove(old)
		if err != nil {
			return nil, fmt.Errorf("prove from %d entries: %w", old, err)
		}
		line, told, err := c.post(ctx, p, audit.AddCheckpoint{Old: old, Proof: proof, Note: note})
		var conflict *conflictError
		switch {
		case err == nil:
			p.size.Store(size)
			return line, nil
		case !errors.As(err, &conflict):
			return nil, err
		case told > size:
			return nil, fmt.Errorf("it signed a tree of %d entries of this log, which has %d now: entries were lost or forked", told, size)
		case told == old:
			return nil, fmt.Errorf("it signed another tree of %d entries: this log has two histories", told)
		case tries > 0:
			return nil, fmt.Errorf("it moved from %d to %d entries while it was asked: %w", old, told, err)
		}
		p.size.Store(told)
		old = told
	}
}

// conflictError is the answer of a witness that signed another size.
type conflictError struct{ size uint64 }

func (e *conflictError) Error() string { return fmt.Sprintf("it signed %d entries last", e.size) }

// post sends one request. told is the size of a conflict.
func (c *Client) post(ctx context.Context, p *peer, req audit.AddCheckpoint) (line []byte, told uint64, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.address, strings.NewReader(string(req.Append(nil))))
	if err != nil {
		return nil, 0, err
	}
	r.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, 0, fmt.Errorf("read its answer: %w", err)
	}
	if len(body) > maxAnswer {
		return nil, 0, fmt.Errorf("its answer has more than %d bytes", maxAnswer)
	}
	switch {
	case resp.StatusCode == http.StatusOK:
		line, err := c.check(p, req.Note, body)
		return line, 0, err
	case resp.StatusCode == http.StatusConflict && resp.Header.Get("Content-Type") == sizeType:
		told, err := parseSize(body)
		if err != nil {
			return nil, 0, err
		}
		return nil, told, &conflictError{told}
	default:
		return nil, 0, fmt.Errorf("it answers %d: %.200q", resp.StatusCode, body)
	}
}

// check verifies an answer and gives its line of this witness.
func (c *Client) check(p *peer, note, body []byte) ([]byte, error) {
	only := audit.WitnessPolicy{Witnesses: []audit.Witness{p.Witness}, Quorum: 1}
	signed, err := audit.AddCosignatures(note, [][]byte{body}, only)
	if err != nil {
		return nil, err
	}
	opened, err := only.Open(c.cfg.Origin, c.cfg.LogKey, signed)
	if err != nil {
		return nil, err
	}
	now := c.cfg.Now().Unix()
	if t := int64(opened.Time); t < now-int64(maxSkew/time.Second) || t > now+int64(maxSkew/time.Second) {
		return nil, fmt.Errorf("its clock says %s, which no device would believe", time.Unix(t, 0).UTC().Format(time.RFC3339))
	}
	lines := bytes.SplitAfter(signed, []byte("\n"))
	return lines[len(lines)-2], nil // its own: what else the answer held stays out
}

// parseSize reads the body of a conflict: a decimal number and a line feed.
func parseSize(body []byte) (uint64, error) {
	text, ok := strings.CutSuffix(string(body), "\n")
	size, err := strconv.ParseUint(text, 10, 63)
	if !ok || err != nil || strconv.FormatUint(size, 10) != text {
		return 0, fmt.Errorf("it tells its size as %.40q, want a decimal number and a line feed", body)
	}
	return size, nil
}
