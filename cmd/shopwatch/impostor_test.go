package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"shopwatch/cmd/shopwatch/daemon"
)

// quietWorld is a world with a daemon that has nothing to do and needs no
// Chrome.
func quietWorld(t *testing.T, more string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	text := "listen: 127.0.0.1:0\nstorefronts: [{name: tencent, url: 'https://tencent.tmall.com/'}]\n" + more
	if !strings.Contains(more, "browser:") { // a test may be root's
		text += "browser: {flags: {no-sandbox: true}}\n"
	}
	if err := os.WriteFile(filepath.Join(w.dir, "shopwatch.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// Whoever listens at the address of a daemon that was killed hears nothing of
// the commands, which work all the same; and so do they after the next daemon
// has found another address.
func TestImpostor(t *testing.T) {
	t.Parallel()
	w := quietWorld(t, "channels: [{name: notes, kind: file, path: notes.jsonl}]\n")
	cmd := w.process("run")
	address := w.address()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if w.address() != address {
		t.Fatal("the address of the killed daemon is gone")
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var mu sync.Mutex
	var heard bytes.Buffer
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b := make([]byte, 64<<10)
				n, _ := c.Read(b)
				mu.Lock()
				heard.Write(append(b[:n], '\n'))
				mu.Unlock()
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")
			}()
		}
	}()
	commands := func(when string) {
		t.Helper()
		for i, command := range []string{"storefronts", "changes", "scans", "suspects", "mail outbox", "mail preview", "mail retry", "compact", "backup FILE"} {
			args := strings.Fields(command)
			if args[0] == "backup" {
				args[1] = filepath.Join(w.dir, fmt.Sprint(when, i, ".db"))
			}
			if out, errs, status := w.do(args...); status != 0 {
				t.Errorf("%s shopwatch %s = %d: %s%s", when, command, status, out, errs)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if heard.Len() > 0 {
			t.Errorf("%s the impostor heard\n%s", when, heard.Bytes())
			heard.Reset()
		}
	}
	commands("without a daemon")
	w.daemon()
	if w.address() == address {
		t.Fatal("the next daemon listens where the impostor does")
	}
	if err := os.WriteFile(filepath.Join(w.dir, "data", daemon.AddressFile), []byte(address+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	commands("with a daemon")
}
