//go:build !windows

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Write writes a file with the given mode, whatever the umask and the mode of
// a file that was there before. A link at the path is replaced, not followed.
// When Write returns without an error, the content and its name are safe on
// disk.
func Write(path string, content []byte, mode fs.FileMode) error {
	dir := filepath.Dir(path)
	// The temporary file is made beside the other: what a crash leaves of it is
	// then as private as the file itself.
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(dir), renameio.WithStaticPermissions(mode))
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }() // when it was not renamed
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
