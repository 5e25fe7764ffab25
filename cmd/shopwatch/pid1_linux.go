package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// asInit runs shopwatch as PID 1 of a container, which
// inherits every process whose parent has ended, as Chrome's do when it is
// killed. It runs itself as a child, passes signals on and takes the inherited
// ones off the table when they end; Go's own waiting for children would be
// disturbed by that in one and the same process. It reports false when
// shopwatch is not the first process.
func asInit() (status int, was bool) {
	if os.Getpid() != 1 {
		return 0, false
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	child, err := os.StartProcess(self, os.Args, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		fmt.Fprintf(os.Stderr, "shopwatch: start as a child of the first process: %v\n", err)
		return 1, true
	}
	go func() {
		for s := range signals {
			_ = child.Signal(s) // it may have ended
		}
	}()
	for {
		var ended syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ended, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 1, true
		case pid == child.Pid && ended.Signaled():
			return 128 + int(ended.Signal()), true
		case pid == child.Pid && ended.Exited():
			return ended.ExitStatus(), true
		}
	}
}
