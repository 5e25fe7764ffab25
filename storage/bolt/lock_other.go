//go:build !unix || aix || solaris || android

package bolt

import (
	"os"
	"time"
)

// lock leaves locking to bbolt.
func lock(*os.File, time.Duration) error { return nil }

func unlock(f *os.File) error { return f.Close() }

func rename(f *os.File, _ string) (*os.File, error) { return f, nil }
