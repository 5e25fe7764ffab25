package api

import (
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// peer returns the user who runs the process at the other end of a socket.
func peer(c *net.UnixConn) (uid int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	var cred *unix.Ucred
	controlErr := raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(controlErr, err); err != nil {
		return -1, err
	}
	return int(cred.Uid), nil
}
