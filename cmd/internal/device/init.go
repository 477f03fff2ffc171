package device

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cinesync/cinesync/client/door/sqlite"
	"github.com/cinesync/cinesync/client/history"
	"github.com/cinesync/cinesync/cmd/internal/identity"
	"github.com/cinesync/cinesync/protocol"
)

// Init makes a device in dir, and gives its public key and the path of its request for a certificate. It refuses before it
// writes. device.json comes last, so that a folder with a key and without device.json is one where Init did not finish: then
// it goes on with the key and the ledger that are there, and replaces neither.
func Init(dir string, cfg *Config, random io.Reader) (pub ed25519.PublicKey, request string, err error) {
	if _, err := look(dir); err != nil {
		return nil, "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, "", fmt.Errorf("make device folder: %w", err)
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	has, err := look(dir) // again: another Init may have ended meanwhile
	if err != nil {
		return nil, "", err
	}
	path := filepath.Join(dir, "identity.key")
	if !has.key {
		if _, err := identity.Create(path, random); err != nil {
			return nil, "", err
		}
	}
	key, err := identity.LoadKey(path)
	if err != nil {
		return nil, "", err
	}
	if err := makeStores(dir, has.ledger); err != nil {
		return nil, "", err
	}
	req, err := protocol.NewRequest(key, protocol.ClassDevice, random)
	if err != nil {
		return nil, "", err
	}
	request = filepath.Join(dir, "identity.request")
	if err := os.WriteFile(request, req.Armor(), 0o644); err != nil {
		return nil, "", fmt.Errorf("write request: %w", err)
	}
	return key.Public().(ed25519.PublicKey), request, cfg.Save(dir)
}

// found is what an Init that did not finish left.
type found struct{ key, ledger bool }

// look says what of a device lies in dir, or why none can be made there. It writes nothing.
func look(dir string) (has found, err error) {
	at := func(name string) string { return filepath.Join(dir, name) }
	made, err := there(at("device.json"))
	switch {
	case err != nil:
		return has, err
	case made:
		return has, fmt.Errorf("%s is there already: this device is made, and a device and its key are made once; take another folder", at("device.json"))
	}
	if has.key, err = there(at("identity.key")); err != nil {
		return has, err
	}
	if has.key {
		if _, err := identity.LoadKey(at("identity.key")); err != nil {
			return has, err
		}
	}
	if has.ledger, err = lookLedger(dir, has.key); err != nil {
		return has, err
	}
	if err := lookHistory(at("history.sqlite")); err != nil {
		return has, err
	}
	info, err := os.Stat(at("models"))
	if err == nil && !info.IsDir() {
		return has, fmt.Errorf("%s is not a folder: move it away", at("models"))
	}
	return has, nil
}

// lookLedger says whether a ledger lies in dir. One that was there and is gone is not made anew here, since it would say that
// nothing was spent with this key: models and all that follows come after the ledger.
func lookLedger(dir string, key bool) (bool, error) {
	path := filepath.Join(dir, "door.sqlite")
	ledger, err := there(path)
	if err != nil {
		return false, err
	}
	after := []string{"door.sqlite-wal", "door.sqlite-journal"}
	if key {
		after = append(after, "models", "identity.request", "identity.cert")
	}
	for i := 0; i < len(after) && !ledger; i++ {
		if left, err := there(filepath.Join(dir, after[i])); err != nil {
			return false, err
		} else if left {
			return false, fmt.Errorf("%s is left of a device whose ledger, %s, is missing, so its privacy budget counts as spent: restore that and device.json from a copy, or take another folder",
				filepath.Join(dir, after[i]), path)
		}
	}
	switch {
	case !ledger:
		return false, nil
	case !key:
		return true, fmt.Errorf("%s is the ledger of a device whose identity.key is missing, and nothing was changed: restore that from a copy, or take another folder", path)
	}
	store, err := sqlite.Open(path)
	if err != nil {
		return true, err
	}
	return true, store.Close()
}

// lookHistory wants a history that opens, or none.
func lookHistory(path string) error {
	events, err := history.Open(path)
	if err == nil {
		return events.Close()
	}
	if !errors.Is(err, history.ErrMissing) {
		return err
	}
	for _, end := range []string{"-wal", "-journal"} {
		if left, err := there(path + end); err != nil {
			return err
		} else if left {
			return fmt.Errorf("%s%s is left of an earlier history: put the history back beside it, or move it away too", path, end)
		}
	}
	return nil
}

func there(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for earlier files: %w", err)
	}
	return true, nil
}
