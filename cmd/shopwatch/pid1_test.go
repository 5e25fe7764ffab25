package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// firstProcess is what runs in a process namespace of its own: the first
// process, and its child, which leaves an orphan and looks for its corpse.
func firstProcess() int {
	if status, was := asInit(); was {
		return status
	}
	if err := exec.Command("sh", "-c", "sleep 0.05 & exit 0").Run(); err != nil {
		fmt.Println(err)
		return 1
	}
	time.Sleep(300 * time.Millisecond) // the orphan's life
	out, err := exec.Command("ps", "-eo", "stat,comm").Output()
	fmt.Printf("%s%v\n", out, err)
	return 7
}

// TestFirstProcessLeavesNoZombies runs as the first process of a process
// namespace, as in a container.
func TestFirstProcessLeavesNoZombies(t *testing.T) {
	if err := exec.Command("unshare", "--pid", "--fork", "--mount-proc", "true").Run(); err != nil {
		t.Skipf("no process namespaces here: %v", err)
	}
	cmd := exec.Command("unshare", "--pid", "--fork", "--mount-proc", os.Args[0])
	cmd.Env = append(os.Environ(), "SHOPWATCH_TEST_PID1=1")
	out, err := cmd.Output()
	if cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("exit status %d (%v), want that of the child", cmd.ProcessState.ExitCode(), err)
	}
	if text := string(out); !strings.Contains(text, "ps") || strings.Contains(text, "Z") || strings.Contains(text, "sleep") {
		t.Errorf("processes at the end:\n%s", text)
	}
}
