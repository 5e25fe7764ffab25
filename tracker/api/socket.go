package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// socketName is the socket, in the data directory, at which the daemon answers
// other commands. Where the directory cannot hold one, because its path is too
// long for the address of a socket or its file system knows none, it is a file
// with the path of a socket in a temporary directory.
const socketName = "socket"

// ListenSocket listens for the commands of this machine. Only the user whom
// this process runs as, and root, are let in: they could read the database all
// the same, so they need no token. The caller is the only one who works in the
// data directory; what a daemon left there that was killed is replaced.
func ListenSocket(data string, log *slog.Logger) (net.Listener, error) {
	path := filepath.Join(data, socketName)
	if err := removeSocket(path); err != nil {
		return nil, fmt.Errorf("listen for commands: %w", err)
	}
	l, err := listenUnix(path)
	if err == nil {
		return &socket{l, func() error { return nil }, log}, nil
	}
	dir, tempErr := os.MkdirTemp("", "shopwatch-") // mode 0700
	if tempErr != nil {
		return nil, fmt.Errorf("listen for commands: %w", errors.Join(err, tempErr))
	}
	elsewhere := filepath.Join(dir, socketName)
	remove := func() error { return errors.Join(remove(path), remove(dir)) }
	if l, err = listenUnix(elsewhere); err == nil {
		if err = os.WriteFile(path, []byte(elsewhere+"\n"), 0o600); err == nil {
			return &socket{l, remove, log}, nil
		}
		l.Close()
	}
	return nil, fmt.Errorf("listen for commands: %w", errors.Join(err, remove()))
}

func listenUnix(path string) (*net.UnixListener, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err == nil {
		// Some file systems refuse this. The directory is private, and who is
		// let in is looked at too.
		_ = os.Chmod(path, 0o600)
	}
	return l, err
}

// removeSocket removes what a daemon that was killed left.
func removeSocket(path string) error {
	if elsewhere, err := socketPath(path); err == nil && elsewhere != path {
		_ = os.Remove(elsewhere) // it may be gone, as the directory may be
		_ = os.Remove(filepath.Dir(elsewhere))
	}
	return remove(path)
}

// remove removes a file that may be gone.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// socketPath is where the socket is: at path, or where the file says that is
// there.
func socketPath(path string) (string, error) {
	st, err := os.Lstat(path)
	if err != nil || !st.Mode().IsRegular() {
		return path, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	elsewhere := strings.TrimSpace(string(b))
	if filepath.Base(elsewhere) != socketName || !filepath.IsAbs(elsewhere) {
		return "", fmt.Errorf("%s names no socket; delete it", path)
	}
	return elsewhere, nil
}

// A socket accepts connections of this user and root.
type socket struct {
	*net.UnixListener
	remove func() error // what Close of the listener leaves
	log    *slog.Logger
}

func (s *socket) Accept() (net.Conn, error) {
	for {
		c, err := s.AcceptUnix()
		if err != nil {
			return nil, err
		}
		uid, err := peer(c)
		if err == nil && (uid == os.Geteuid() || uid == 0) {
			return c, nil
		}
		c.Close()
		if err != nil {
			s.log.Warn("nobody knows who is at the socket", "err", err)
			continue
		}
		s.log.Warn("another user was turned away from the socket", "uid", uid)
	}
}

func (s *socket) Close() error { return errors.Join(s.UnixListener.Close(), s.remove()) }

// dialSocket reaches the daemon of a data directory, and makes sure that it is
// one: of the same user, of the owner of the directory, or of root.
func dialSocket(ctx context.Context, data string) (net.Conn, error) {
	path, err := socketPath(filepath.Join(data, socketName))
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	uid, err := peer(conn.(*net.UnixConn))
	if err == nil && uid != os.Geteuid() && uid != 0 && uid != owner(data) {
		err = fmt.Errorf("%s is answered by user %d, who is not the one whom %s belongs to", path, uid, data)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}
