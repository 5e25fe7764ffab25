//go:build unix

package browser

import "syscall"

// MaxFiles returns how many files this process, and a Chrome that it starts,
// may each have open at once; 0 when that is not known. Both raise the limit
// that they begin with to this one.
func MaxFiles() uint64 {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0
	}
	return uint64(l.Max)
}
