//go:build !unix

package main

import (
	"errors"
	"io/fs"
)

// freeSpace is not known on this system.
func freeSpace(string) (int64, error) { return 0, errors.ErrUnsupported }

// owner is not known on this system.
func owner(fs.FileInfo) string { return "" }
