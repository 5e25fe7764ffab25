//go:build unix

package bolt

import (
	"os"
	"syscall"
)

// keepOwner gives a file that root made to the user whom another one belongs to,
// in whose place it comes: that user's daemon could not open it.
func keepOwner(path, like string) error {
	info, err := os.Stat(like)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 || st.Uid == 0 {
		return nil
	}
	return os.Chown(path, int(st.Uid), int(st.Gid))
}
