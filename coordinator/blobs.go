package coordinator

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"

	"github.com/cinesync/cinesync/protocol"
)

// blobs are the model files, by content address: NAME.snapshot, and NAME.optimizer beside those that rounds train on.
type blobs struct {
	files Files
	mu    sync.Mutex
	hash  [32]byte // of the snapshot kept in memory, since every device of a round asks for the same one
	bytes []byte
}

func (b *blobs) stage(hash [32]byte, snapshot, optimizer []byte) error {
	name := hex.EncodeToString(hash[:])
	if optimizer != nil {
		if err := b.files.Write(name+".optimizer", optimizer); err != nil {
			return fmt.Errorf("stage optimiser state: %w", err)
		}
	}
	if err := b.files.Write(name+".snapshot", snapshot); err != nil {
		return fmt.Errorf("stage model: %w", err)
	}
	return nil
}

// snapshot reads a model file and checks it against its name.
func (b *blobs) snapshot(hash [32]byte) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes != nil && b.hash == hash {
		return b.bytes, nil
	}
	got, err := b.files.Read(hex.EncodeToString(hash[:]) + ".snapshot")
	if err != nil {
		return nil, fmt.Errorf("read model %x: %w", hash[:8], err)
	}
	if sha256.Sum256(got) != hash {
		return nil, fmt.Errorf("model %x: the file does not hash to its name; restore it from a backup", hash[:8])
	}
	b.hash, b.bytes = hash, got
	return got, nil
}

func (b *blobs) optimizer(hash [32]byte) ([]byte, error) {
	got, err := b.files.Read(hex.EncodeToString(hash[:]) + ".optimizer")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read optimiser state of model %x: %w", hash[:8], err)
	}
	return got, nil
}

// modelPart answers a download request: the same bytes for everyone, resumable at any offset.
func (c *Coordinator) modelPart(get *protocol.ModelGet) protocol.Message {
	file, err := c.blobs.snapshot(get.Hash)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.cfg.Log.Error("serve model", slog.Any("error", err))
		return &protocol.HangUp{Code: protocol.CodeInternal, Detail: "that model cannot be read now; ask again later"}
	}
	if err != nil {
		return &protocol.HangUp{Code: protocol.CodeNoSuchModel, Detail: "this coordinator does not have that model"}
	}
	if get.Offset > uint64(len(file)) {
		return &protocol.HangUp{Code: protocol.CodeMalformed, Detail: fmt.Sprintf("offset %d in a model of %d bytes", get.Offset, len(file))}
	}
	end := min(get.Offset+protocol.ChunkSize, uint64(len(file)))
	return &protocol.ModelPart{Hash: get.Hash, Offset: get.Offset, Total: uint64(len(file)), Data: file[get.Offset:end]}
}
