//go:build unix

package api_test

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"shopwatch/tracker/api"
)

// The socket is there while the server runs, is its user's alone, and takes the
// place of one that a killed daemon left; also where the path of the data
// directory is too long for the address of a socket.
func TestSocket(t *testing.T) {
	s := api.New(options(database(t)), slog.New(slog.DiscardHandler))
	private, temporary := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temporary)
	for name, data := range map[string]string{
		"short": filepath.Join(private, "data"),
		"long":  filepath.Join(private, strings.Repeat("a long name ", 10), "data"),
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.MkdirAll(data, 0o700); err != nil {
				t.Fatal(err)
			}
			if answers(t, data) {
				t.Error("a daemon answers before there is one")
			}
			stop := serveSocket(t, s, data)
			if !answers(t, data) {
				t.Error("the daemon does not answer")
			}
			st, err := os.Lstat(filepath.Join(data, "socket"))
			if err != nil || st.Mode().Perm() != 0o600 {
				t.Errorf("the socket is %v, %v, want 0600", st.Mode(), err)
			}
			if made, _ := os.ReadDir(temporary); len(made) != map[string]int{"short": 0, "long": 1}[name] {
				t.Errorf("%d directories were made elsewhere", len(made))
			}
			// What a killed daemon leaves: a socket that nobody listens at.
			left := filepath.Join(private, "left")
			if err := os.Rename(filepath.Join(data, "socket"), left); err != nil {
				t.Fatal(err)
			}
			elsewhere, err := os.ReadFile(left) // fails on a socket
			stop()
			if err := os.Rename(left, filepath.Join(data, "socket")); err != nil {
				t.Fatal(err)
			}
			if err == nil {
				path := strings.TrimSpace(string(elsewhere))
				if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
				if err != nil {
					t.Fatal(err)
				}
				dead.SetUnlinkOnClose(false)
				dead.Close()
			}
			if answers(t, data) {
				t.Error("a daemon answers after it has ended")
			}
			stop = serveSocket(t, s, data)
			if !answers(t, data) {
				t.Error("the daemon does not answer after another was killed")
			}
			stop()
			if _, err := os.Lstat(filepath.Join(data, "socket")); err == nil {
				t.Error("the socket is left behind")
			}
			if made, _ := os.ReadDir(temporary); len(made) != 0 {
				t.Errorf("%s is left behind", made[0].Name())
			}
		})
	}
}

// asNobody is a process of another user at the path of a socket.
func asNobody(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	if os.Geteuid() != 0 || runtime.GOOS != "linux" {
		t.Skip("only root can be somebody else")
	}
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(openDir(t), "program")
	if err := os.WriteFile(program, self, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "SHOPWATCH_TEST_AS="+role, "SHOPWATCH_TEST_SOCKET="+path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	return cmd
}

// openDir is a directory in which every user may do everything.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "open")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Another user is not answered, whatever the modes of files are.
func TestSocketRefusesOthers(t *testing.T) {
	data := openDir(t)
	serveSocket(t, api.New(options(database(t)), slog.New(slog.DiscardHandler)), data)
	if err := os.Chmod(filepath.Join(data, "socket"), 0o777); err != nil {
		t.Fatal(err)
	}
	cmd := asNobody(t, "caller", filepath.Join(data, "socket"))
	out, err := cmd.CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("another user is told %q, %v, want nothing", out, err)
	}
	if !answers(t, data) {
		t.Error("the daemon's own user is not answered any more")
	}
}

// A process of another user that listens in the daemon's place hears nothing.
func TestSocketOfImpostor(t *testing.T) {
	data := openDir(t)
	cmd := asNobody(t, "listener", filepath.Join(data, "socket"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); line != "listening\n" {
		t.Fatalf("the impostor says %q, %v", line, err)
	}
	if answers(t, data) {
		t.Error("the impostor is taken for the daemon")
	}
	var heard bytes.Buffer
	if _, err := io.Copy(&heard, lines); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil || heard.String() != "called\n" {
		t.Errorf("the impostor heard %q, %v, want that it is called and nothing else", heard.String(), err)
	}
}
