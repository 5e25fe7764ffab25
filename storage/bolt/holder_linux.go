package bolt

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// holder names the process that has the lock of a file, as far as the system
// lets us see.
func holder(f *os.File) string {
	const nobody = "another process"
	st, err := f.Stat()
	if err != nil {
		return nobody
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return nobody
	}
	for _, pid := range lockers(sys.Ino) {
		open, sure := hasOpen(pid, st)
		switch {
		case pid == os.Getpid():
			return "this process itself"
		case open:
			return fmt.Sprintf("process %d (%s)", pid, commandOf(pid))
		case !sure && len(lockers(sys.Ino)) == 1:
			return fmt.Sprintf("another process, probably %d (%s)", pid, commandOf(pid))
		}
	}
	return nobody
}

// lockers are the processes that hold a lock on some file with an inode
// number. File systems do not agree on device numbers, so these are not
// compared.
func lockers(inode uint64) []int {
	f, err := os.Open("/proc/locks")
	if err != nil {
		return nil
	}
	defer f.Close()
	var pids []int
	// "1: FLOCK  ADVISORY  WRITE 4711 fd:01:1234 0 EOF"; one that waits has
	// "->" in its second field.
	for s := bufio.NewScanner(f); s.Scan(); {
		w := strings.Fields(s.Text())
		if len(w) < 6 || w[1] != "FLOCK" || !strings.HasSuffix(w[5], ":"+strconv.FormatUint(inode, 10)) {
			continue
		}
		if pid, err := strconv.Atoi(w[4]); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// hasOpen reports whether a process has a file open, and whether that could be
// found out.
func hasOpen(pid int, st os.FileInfo) (open, sure bool) {
	list, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(list) == 0 {
		return false, false
	}
	for _, fd := range list {
		if other, err := os.Stat(fd); err == nil && os.SameFile(st, other) {
			return true, true
		}
	}
	return false, true
}

func commandOf(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	words := strings.Split(strings.TrimRight(string(b), "\x00"), "\x00")
	if err != nil || words[0] == "" {
		return "unknown"
	}
	words[0] = filepath.Base(words[0])
	if s := strings.Join(words, " "); len(s) <= 80 {
		return s
	}
	return words[0]
}
