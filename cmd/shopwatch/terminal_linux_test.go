package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mattn/go-runewidth"
	"golang.org/x/sys/unix"

	"shopwatch/fixtures"
)

// openTerminal opens a terminal with so many columns: the end of the person in
// front of it, and that of the program.
func openTerminal(t *testing.T, columns uint16) (master, tty *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Skip(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	return master, tty
}

// terminalOf returns a terminal with so many columns, and how to read what was
// written to it.
func terminalOf(t *testing.T, columns uint16) (*os.File, func() string) {
	t.Helper()
	master, tty := openTerminal(t, columns)
	all := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(master) // ends with an error when nobody has the terminal
		all <- string(b)
	}()
	return tty, func() string {
		tty.Close()
		return <-all
	}
}

// On a terminal a scan shows how far it has come, in one line that fits; the
// verdict is coloured, unless NO_COLOR is set.
func TestTerminal(t *testing.T) {
	w := newWorld(t)
	long := w.mall.Open(fixtures.Shop{Host: "lining.tmall.com", Title: "李宁官方网店", PageSize: 20, Delay: -1, Products: fixtures.Catalogue(70, 1)})
	w.configure(map[string]any{
		"browser": map[string]any{"pace": "200ms", "flags": w.mall.Flags()},
		"storefronts": []any{map[string]any{
			"name": "the-flagship-store-of-lining-with-a-name-that-is-long-indeed", "url": long.URL(), "title": "李宁官方网店",
		}},
	})
	scan := func(columns uint16) string {
		t.Helper()
		tty, read := terminalOf(t, columns)
		if status := run(t.Context(), []string{"-c", filepath.Join(w.dir, "shopwatch.yaml"), "scan"}, tty, tty); status != 0 {
			t.Errorf("scan = %d", status)
		}
		return read()
	}
	text := scan(120)
	for _, want := range []string{": opening", "1 of 4 pages, 20 products, about ", "s left", "4 of 4 pages, 70 products", "\x1b[32mcomplete\x1b[0m", "70 products; this is the baseline, changes from now on are news"} {
		if !strings.Contains(text, want) {
			t.Errorf("a scan on a terminal does not show %q:\n%q", want, text)
		}
	}

	t.Setenv("NO_COLOR", "1")
	for i := range 3 {
		long.Put(fixtures.Product{ID: fmt.Sprint(45100000009 + i), Title: strings.Repeat("全民WiFi 无线网卡 ", 9), Price: "99.00"})
	}
	text = scan(80)
	if strings.Contains(text, "\x1b[3") || !strings.Contains(text, "complete") {
		t.Errorf("a scan with NO_COLOR shows\n%q", text)
	}
	shown := 0
	for part := range strings.SplitSeq(text, "\r\x1b[K") {
		line, _, ended := strings.Cut(part, "\r\n")
		if ended {
			continue // results may break, progress may not
		}
		shown++
		if got := runewidth.StringWidth(line); got > 79 {
			t.Errorf("a line of progress has %d columns, want 79 at most: %q", got, line)
		}
	}
	if shown < 4 {
		t.Errorf("%d lines of progress, want one a page at least:\n%q", shown, text)
	}

	tty, read := terminalOf(t, 80)
	if status := run(t.Context(), []string{"-c", filepath.Join(w.dir, "shopwatch.yaml"), "changes"}, tty, tty); status != 0 {
		t.Errorf("changes = %d", status)
	}
	text = read()
	for line := range strings.Lines(text) {
		if got := runewidth.StringWidth(strings.TrimRight(line, "\r\n")); got > 80 {
			t.Errorf("a line of changes has %d columns, want 80 at most: %q", got, line)
		}
	}
	// What it says last is not cut off: a removal's proof stands there.
	if !strings.Contains(text, "全民WiFi") || !strings.Contains(text, "¥99.00") {
		t.Errorf("changes on a terminal shows\n%s", text)
	}
}

// inNewSession makes the terminal that is a program's input its own.
func inNewSession(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
}
