package browser

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A Usage is what a Chrome takes of the machine, with all its processes.
type Usage struct {
	Processes int
	Memory    int64 // bytes, pages shared by several processes counted once
}

// Usage measures the running Chrome. It is zero when none runs, and on systems
// without /proc.
func (b *Browser) Usage() Usage {
	var u Usage
	pid := b.PID()
	if pid == 0 {
		return u
	}
	for _, pid := range family(pid) {
		u.Processes++
		u.Memory += memory(pid)
	}
	return u
}

// family returns a process and all its descendants.
func family(root int) []int {
	children := map[int][]int{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		return nil
	}
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// The name in parentheses may hold anything; state and parent follow.
		fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
		if len(fields) < 2 {
			continue
		}
		pid, _ := strconv.Atoi(strings.Split(path, "/")[2])
		parent, _ := strconv.Atoi(string(fields[1]))
		children[parent] = append(children[parent], pid)
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// memory returns the proportional size of a process in bytes.
func memory(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			if f := strings.Fields(rest); len(f) > 0 {
				kib, _ := strconv.ParseInt(f[0], 10, 64)
				return kib << 10
			}
		}
	}
	return 0
}

// killUsers ends processes that an earlier run left behind with this user data
// directory. Its lock is ours, so nobody else can want them.
func killUsers(dir string) {
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return
	}
	want := []byte("--user-data-dir=" + dir)
	for _, path := range lines {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for arg := range bytes.SplitSeq(b, []byte{0}) {
			if bytes.Equal(arg, want) {
				pid, _ := strconv.Atoi(strings.Split(path, "/")[2])
				if p, err := os.FindProcess(pid); err == nil && pid != os.Getpid() {
					_ = p.Kill() // it may have ended meanwhile
				}
			}
		}
	}
}
