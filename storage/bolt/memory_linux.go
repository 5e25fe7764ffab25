package bolt

import "syscall"

// releaseMemory gives back the memory of the mapped file. What is needed again is
// mapped again, from the cache of the system usually. The transaction keeps
// the mapping where it is.
func (t tx) releaseMemory() {
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, t.DB().Info().Data, uintptr(t.Size()), syscall.MADV_DONTNEED)
}
