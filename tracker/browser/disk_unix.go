//go:build unix

package browser

import "golang.org/x/sys/unix"

// diskSize is how many bytes the disk below a directory has.
func diskSize(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Blocks) * int64(st.Bsize), nil
}
