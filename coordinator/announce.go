package coordinator

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// announce makes what the store says visible to serving: release note, the version it reads. It runs at every start and after
// every published round, so that a crash between commit and announcement is made good.
func (c *Coordinator) announce() error {
	if c.head.Version == 0 {
		return nil // nothing was trained: serving answers 503
	}
	r := Release{Model: c.head.Serve, Version: c.head.Version, Round: c.head.Round, Index: c.head.Index}
	name := hex.EncodeToString(r.Model[:])
	if err := c.cfg.Models.Write(name+".release", c.releaseNote(r)); err != nil {
		return fmt.Errorf("write release note: %w", err)
	}
	if err := c.cfg.Models.Write("serving", []byte(name+"\n")); err != nil {
		return fmt.Errorf("promote version %d: %w", r.Version, err)
	}
	c.cfg.OnEvent(Event{Kind: "published", Round: r.Round, Serve: name})
	r.Logged = c.public > r.Index
	c.tellRelease(r)
	return nil
}

// tellRelease tells of a version, and remembers one that the public log does not hold yet.
func (c *Coordinator) tellRelease(r Release) {
	c.unlogged = nil
	if !r.Logged {
		c.unlogged = &r
	}
	if c.cfg.OnPublish != nil {
		c.cfg.OnPublish(r)
	}
}

// tellLogged tells of the newest version again once the public log has come to hold it.
func (c *Coordinator) tellLogged() {
	if r := c.unlogged; r != nil && c.public > r.Index {
		r.Logged = true
		c.tellRelease(*r)
	}
}

// releaseNote is signed by S: it binds the served file to its version, its round and its place in the log.
func (c *Coordinator) releaseNote(r Release) []byte {
	msg := append([]byte("cinesync/csa1/release\x00"), r.Model[:]...)
	for _, v := range []uint64{r.Version, r.Round, r.Index} {
		msg = binary.BigEndian.AppendUint64(msg, v)
	}
	note := struct {
		Model     string `json:"model"`
		Version   uint64 `json:"version"`
		Round     uint64 `json:"round"`
		LogIndex  uint64 `json:"log_index"`
		Signature string `json:"signature"`
	}{hex.EncodeToString(r.Model[:]), r.Version, r.Round, r.Index, hex.EncodeToString(ed25519.Sign(c.key(), msg))}
	b, err := json.Marshal(note)
	if err != nil {
		panic(fmt.Sprintf("coordinator: encode release note: %v", err)) // plain values only
	}
	return append(b, '\n')
}
