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

// blobs are the model files, by content address: NAME.snapshot, and NAME.optimizer beside those that rounds train on, NAME.clip beside those
// whose round had clip bits.
type blobs struct {
	files Files
	mu    sync.Mutex
	inUse map[[32]byte][]byte // what devices may ask for; the file once somebody did, so that it is read once
	made  map[[32]byte]bool   // what this process was the first to stage
}

// offer says which models are in use from now on. The files of the others leave memory.
func (b *blobs) offer(hashes [][32]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := map[[32]byte][]byte{}
	for _, h := range hashes {
		next[h] = b.inUse[h]
	}
	b.inUse = next
}

func (b *blobs) offered(hash [32]byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.inUse[hash]
	return ok
}

func (b *blobs) stage(hash [32]byte, snapshot, optimizer, clip []byte) error {
	name := hex.EncodeToString(hash[:])
	if _, err := b.files.Read(name + ".snapshot"); errors.Is(err, fs.ErrNotExist) {
		b.claim(hash)
	}
	if optimizer != nil {
		if err := b.files.Write(name+".optimizer", optimizer); err != nil {
			return fmt.Errorf("stage optimiser state: %w", err)
		}
	}
	if clip != nil {
		if err := b.files.Write(name+".clip", clip); err != nil {
			return fmt.Errorf("stage the next clip: %w", err)
		}
	}
	if err := b.files.Write(name+".snapshot", snapshot); err != nil {
		return fmt.Errorf("stage model: %w", err)
	}
	return nil
}

// claim notes that this process is the first to write a model. One that was there before may be another store's, and stays.
func (b *blobs) claim(hash [32]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.made == nil {
		b.made = map[[32]byte]bool{}
	}
	b.made[hash] = true
}

func (b *blobs) wasStaged(hash [32]byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.made[hash]
}

// snapshot gives a model file that hashes to its name. Nobody writes into it: those in use are shared.
func (b *blobs) snapshot(hash [32]byte) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if got := b.inUse[hash]; got != nil {
		return got, nil
	}
	got, err := b.files.Read(hex.EncodeToString(hash[:]) + ".snapshot")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("model %x is not in the folder of models; put the folder back from a backup, or start a new coordinator in a new folder: %w", hash[:8], err)
	}
	if err != nil {
		return nil, fmt.Errorf("read model %x: %w", hash[:8], err)
	}
	if sha256.Sum256(got) != hash {
		return nil, fmt.Errorf("model %x: the file does not hash to its name; restore it from a backup", hash[:8])
	}
	if _, ok := b.inUse[hash]; ok {
		b.inUse[hash] = got
	}
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

// modelsInUse are those that devices may still want: of the newest version and of the one before it, each with the model
// that is served from it. An open round trains on the newest. So at most four files are in memory.
func (c *Coordinator) modelsInUse() [][32]byte {
	list := [][32]byte{c.head.Model, c.head.Serve}
	if c.before != (publication{}) {
		list = append(list, c.before.Model, c.before.Serve)
	}
	return list
}

// download answers a request for a model or a delta.
func (c *Coordinator) download(get protocol.Message) protocol.Message {
	switch get := get.(type) {
	case *protocol.ModelGet:
		return c.modelPart(get)
	case *protocol.DeltaGet:
		return c.deltaPart(get)
	}
	panic(fmt.Sprintf("coordinator: %T is no download", get)) // readers pass on those two
}

func noSuchModel() protocol.Message {
	return &protocol.HangUp{Code: protocol.CodeNoSuchModel, Detail: "this coordinator does not have that model, or no longer: it keeps the newest ones"}
}

// modelPart answers a download request: the same bytes for everyone, resumable at any offset. What is not in use is refused
// without a look at the disk.
func (c *Coordinator) modelPart(get *protocol.ModelGet) protocol.Message {
	if !c.blobs.offered(get.Hash) {
		return noSuchModel()
	}
	file, err := c.blobs.snapshot(get.Hash)
	if err != nil {
		c.cfg.Log.Error("serve model", slog.Any("error", err))
		return &protocol.HangUp{Code: protocol.CodeInternal, Detail: "that model cannot be read now; ask again later"}
	}
	if get.Offset > uint64(len(file)) {
		return &protocol.HangUp{Code: protocol.CodeMalformed, Detail: fmt.Sprintf("offset %d in a model of %d bytes", get.Offset, len(file))}
	}
	end := min(get.Offset+protocol.ChunkSize, uint64(len(file)))
	return &protocol.ModelPart{Hash: get.Hash, Offset: get.Offset, Total: uint64(len(file)), Data: file[get.Offset:end]}
}
