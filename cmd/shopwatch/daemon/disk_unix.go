//go:build unix

package daemon

import "golang.org/x/sys/unix"

// FreeSpace is how many bytes can still be written below a directory.
func FreeSpace(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
