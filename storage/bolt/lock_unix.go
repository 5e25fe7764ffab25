//go:build unix && !aix && !solaris && !android

package bolt

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// lock takes the lock that bbolt takes, so that the file can be looked at
// before bbolt reads it. bbolt's own attempt on the same open file succeeds.
func lock(f *os.File, timeout time.Duration) error {
	for end := time.Now().Add(timeout); ; time.Sleep(20 * time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR):
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return err
		case time.Now().After(end):
			return ErrLocked
		}
	}
}

// unlock lets go of a file's lock and closes it. Closing alone is not enough
// after a crash of bbolt: the memory that maps the file keeps the lock.
func unlock(f *os.File) error {
	syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
	return f.Close()
}

// rename gives an open file another name in the eyes of bbolt, without letting
// go of its lock.
func rename(f *os.File, name string) (*os.File, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	syscall.CloseOnExec(fd) // or a Chrome would hold the lock
	return os.NewFile(uintptr(fd), name), f.Close()
}
