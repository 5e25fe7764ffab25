//go:build !linux

package bolt

import "os"

// holder names the process that has the lock of a file; only Linux tells.
func holder(*os.File) string { return "another process" }
