//go:build unix

package api

import (
	"os"
	"syscall"
)

// owner returns whom a file belongs to, -1 when that is not known.
func owner(path string) int {
	st, err := os.Stat(path)
	if err != nil {
		return -1
	}
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return -1
}
