package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// isNew refuses a name that is taken, also by a link that leads nowhere.
func isNew(path string) error {
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		return taken(path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

func taken(path string) error { return fmt.Errorf("%s is there already; name a new file", path) }

// writeNew writes a file for the user alone. It replaces none and follows no
// link, and leaves no half of it when the disk is full.
func writeNew(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return taken(path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
