//go:build !unix

package witness

import (
	"errors"
	"os"
)

// lockFile refuses where files have no advisory locks: two witnesses over one memory could sign two histories.
func lockFile(*os.File) error { return errors.New("this system has no file locks") }
