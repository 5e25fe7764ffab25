package bolt

import "syscall"

// forget gives back the memory of the mapped file. What is needed again is
// mapped again, from the cache of the system as a rule. The transaction keeps
// the mapping where it is.
func (t tx) forget() {
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, t.DB().Info().Data, uintptr(t.Size()), syscall.MADV_DONTNEED)
}
