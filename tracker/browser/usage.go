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

// exceeds reports whether Chrome takes more memory than so many bytes.
func (b *Browser) exceeds(bytes int64) bool {
	pid := b.PID()
	if pid == 0 {
		return false
	}
	var sum int64
	for _, pid := range family(pid) {
		sum += resident(pid)
	}
	return sum > bytes && b.Usage().Memory > bytes
}

// processes returns the numbers of all processes, none on systems without
// /proc.
func processes() (pids []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// family returns a process and all its descendants.
func family(root int) []int {
	children := map[int][]int{}
	for _, pid := range processes() {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue // it has ended
		}
		// The name in parentheses may hold anything; state and parent follow.
		fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
		if len(fields) < 2 {
			continue
		}
		parent, _ := strconv.Atoi(string(fields[1]))
		children[parent] = append(children[parent], pid)
	}
	if len(children) == 0 {
		return nil
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// resident returns the bytes that a process has in memory, shared ones in full.
// That is known at once; for the proportional size all its pages are walked.
func resident(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	if f := strings.Fields(string(b)); len(f) > 1 {
		pages, _ := strconv.ParseInt(f[1], 10, 64)
		return pages * int64(os.Getpagesize())
	}
	return 0
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
	ours, err := os.Stat(dir)
	if err != nil {
		return
	}
	for _, pid := range processes() {
		if pid == os.Getpid() || !uses(pid, ours) {
			continue
		}
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill() // it may have ended meanwhile
		}
	}
}

// uses reports whether a process was told to use a directory for its data. The same
// name is another directory to a process in another one, or in another container.
func uses(pid int, dir os.FileInfo) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return false
	}
	for arg := range strings.SplitSeq(string(b), "\x00") {
		name, ok := strings.CutPrefix(arg, "--user-data-dir=")
		if !ok {
			continue
		}
		seen := fmt.Sprintf("/proc/%d/root%s", pid, name)
		if !filepath.IsAbs(name) {
			seen = fmt.Sprintf("/proc/%d/cwd/%s", pid, name)
		}
		if st, err := os.Stat(seen); err == nil && os.SameFile(st, dir) {
			return true
		}
	}
	return false
}
