//go:build !linux

package browser

import "syscall"

func newProcessGroup() *syscall.SysProcAttr { return nil }

func (w *Window) kill() { _ = w.cmd.Process.Kill() }
