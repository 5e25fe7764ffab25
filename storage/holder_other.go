//go:build !linux

package storage

import "os"

// holder names the process that has the lock of a file; only Linux tells.
func holder(*os.File) string { return "another process" }
