package browser

import "syscall"

// newProcessGroup starts Chrome in a group of its own, so that Ctrl-C in the terminal is
// ours to pass on, and ends it when we are killed.
func newProcessGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
}

// kill ends Chrome with all its processes.
func (w *Window) kill() {
	_ = syscall.Kill(-w.cmd.Process.Pid, syscall.SIGKILL)
}
