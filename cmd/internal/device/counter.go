package device

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/cmd/internal/identity"
)

// counter is a door.Counter in a file of its own, outside the device's folder. It holds one line: the sequence, a space, and the hex
// SHA-256 of "cinesync/counter1" ‖ 0x00 ‖ the device's Ed25519 key ‖ 0x00 ‖ the sequence as it stands there.
type counter struct {
	path string
	key  ed25519.PublicKey
}

// counterOf is where the ledger of the device in dir is counted. It is nil for a device without a key, which signs nothing.
func (c *Config) counterOf(dir string) (door.Counter, error) {
	path := filepath.Join(dir, "identity.key")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	key, err := identity.LoadKey(path)
	if err != nil {
		return nil, err
	}
	folder, err := c.counterFolder(dir)
	if err != nil {
		return nil, err
	}
	pub := key.Public().(ed25519.PublicKey)
	return &counter{path: filepath.Join(folder, hex.EncodeToString(pub)+".counter"), key: pub}, nil
}

// counterFolder is the configured one, from the device's folder on, or the user's state folder. One inside the device's folder would be
// copied and put back with it.
func (c *Config) counterFolder(dir string) (string, error) {
	folder := c.Counter
	if folder == "" {
		state, err := stateFolder()
		if err != nil {
			return "", err
		}
		folder = filepath.Join(state, "cinesync")
	} else if !filepath.IsAbs(folder) {
		folder = filepath.Join(dir, folder)
	}
	within, err := inside(dir, folder)
	if err != nil {
		return "", fmt.Errorf("find the folder of the ledger's counter: %w", err)
	}
	if within {
		return "", fmt.Errorf("counter is %q: it lies inside the device's folder, whose old copy it is to give away; name another folder in device.json", folder)
	}
	return folder, nil
}

// stateFolder is where a user's programs keep what outlives a run (XDG base directories), or what comes nearest.
func stateFolder() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	var dir string
	var err error
	switch runtime.GOOS {
	case "windows", "darwin", "ios":
		dir, err = os.UserConfigDir()
	default:
		if dir, err = os.UserHomeDir(); err == nil {
			dir = filepath.Join(dir, ".local", "state")
		}
	}
	if err != nil {
		return "", fmt.Errorf("find a folder for the ledger's counter: %w; set XDG_STATE_HOME, or counter in device.json", err)
	}
	return dir, nil
}

// inside follows links as far as folders are there.
func inside(dir, folder string) (bool, error) {
	var real [2]string
	for i, path := range []string{dir, folder} {
		abs, err := filepath.Abs(path)
		if err != nil {
			return false, err
		}
		rest := ""
		for {
			followed, err := filepath.EvalSymlinks(abs)
			if err == nil {
				real[i] = filepath.Join(followed, rest)
				break
			}
			if !errors.Is(err, fs.ErrNotExist) || filepath.Dir(abs) == abs {
				return false, err
			}
			rest, abs = filepath.Join(filepath.Base(abs), rest), filepath.Dir(abs)
		}
	}
	rel, err := filepath.Rel(real[0], real[1])
	if err != nil {
		return false, nil // on another volume
	}
	return rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)), nil
}

// maxCounter is the longest file: 20 digits, a space, a hash and a line feed.
const maxCounter = 20 + 1 + 2*sha256.Size + 1

func (c *counter) Reached(context.Context) (uint64, bool, error) {
	f, err := os.Open(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxCounter+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return 0, false, err
	}
	text, _, _ := strings.Cut(string(b), " ")
	seq, err := strconv.ParseUint(text, 10, 64)
	if err != nil || string(b) != c.line(seq) {
		return 0, false, fmt.Errorf("%s: %w", c.path, door.ErrCounter)
	}
	return seq, true, nil
}

func (c *counter) line(seq uint64) string {
	text := strconv.FormatUint(seq, 10)
	sum := sha256.Sum256([]byte("cinesync/counter1\x00" + string(c.key) + "\x00" + text))
	return text + " " + hex.EncodeToString(sum[:]) + "\n"
}

func (c *counter) Record(_ context.Context, seq uint64) error {
	folder := filepath.Dir(c.path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("%w: give this account the right to make it, set XDG_STATE_HOME, or set counter in device.json", err)
	}
	return replaceFile(c.path, []byte(c.line(seq)))
}

// replaceFile writes a file whole or not at all, so that a power cut leaves the old one or the new.
func replaceFile(path string, b []byte) error {
	f, err := os.OpenFile(path+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = errors.Join(os.Rename(f.Name(), path), syncFolder(filepath.Dir(path)))
	}
	return err
}

// syncFolder makes what was renamed in a folder outlive a power cut. Some systems have no such call for a folder.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil && runtime.GOOS != "windows" && !errors.Is(err, errors.ErrUnsupported) {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}
