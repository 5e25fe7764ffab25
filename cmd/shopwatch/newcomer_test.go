package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/fixtures/deadline"
)

// A newcomer follows the README, in a folder of its own.
type newcomer struct {
	*world
	bin      string // where the program is
	began    time.Time
	commands []string
}

// types runs a command of the README and returns what it prints.
func (n *newcomer) types(status int, line string, says ...string) string {
	n.t.Helper()
	cmd := n.shell(line)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	n.note(line, began)
	if got := cmd.ProcessState.ExitCode(); got != status {
		n.t.Fatalf("%s = %d, %v, want %d:\n%s", line, got, err, status, out)
	}
	for _, s := range says {
		if !strings.Contains(string(out), s) {
			n.t.Errorf("%s does not say %q:\n%s", line, s, out)
		}
	}
	if testing.Verbose() {
		fmt.Printf("%s\n", out)
	}
	return string(out)
}

func (n *newcomer) note(line string, began time.Time) {
	n.commands = append(n.commands, line)
	fmt.Printf("%2d. %6.1f s  %s\n", len(n.commands), time.Since(began).Seconds(), line)
}

func (n *newcomer) shell(line string) *exec.Cmd {
	cmd := exec.Command("sh", "-ec", "exec "+line)
	cmd.Dir = n.dir
	cmd.Env = append(os.Environ(), "PATH="+n.bin+":"+os.Getenv("PATH"))
	return cmd
}

// The first hour by the README alone: its commands in their order, on a simulated
// Tmall with a login wall, from the program to the first report in the mail. With
// SHOPWATCH_NEWCOMER it begins with a clone, the demo and the build, and prints
// what people see (make newcomer).
func TestNewcomer(t *testing.T) {
	t.Parallel()
	n := &newcomer{world: newLoginWorld(t), bin: t.TempDir(), began: time.Now()}
	var err error
	var lines []string
	for _, block := range codeBlocks(page(t, "README.md"), "sh") {
		for line := range strings.Lines(block) {
			command, _, _ := strings.Cut(strings.TrimSpace(line), " #")
			lines = append(lines, strings.TrimSpace(command))
		}
	}
	// next takes the README's next command that begins with some words.
	next := func(words string) string {
		t.Helper()
		i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, words) })
		if i < 0 {
			t.Fatalf("the README has no further %s", words)
		}
		line := lines[i]
		lines = lines[i+1:]
		return line
	}
	var program string
	if os.Getenv("SHOPWATCH_NEWCOMER") != "" {
		root, err := filepath.Abs("../..")
		if err != nil {
			t.Fatal(err)
		}
		n.types(0, "git clone -q "+root+" clone")
		for _, words := range []string{"make demo", "make build"} {
			n.types(0, strings.Replace(next(words), "make", "make -C clone", 1))
		}
		program = filepath.Join(n.dir, "clone", "bin", "shopwatch")
	} else if program, err = built(); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(n.bin, "shopwatch")); err != nil {
		t.Fatal(err)
	}

	if err := os.Remove(filepath.Join(n.dir, "shopwatch.yaml")); err != nil {
		t.Fatal(err)
	}
	n.types(0, next("shopwatch init https://"), "shopwatch login tmall")
	n.simulate()
	n.logsIn(next("shopwatch login tmall"))
	n.types(0, next("shopwatch check"), "Logged in to tmall just now (qr)", "will be made by the first scan")
	n.types(0, next("shopwatch scan"), "tencent: complete", "baseline")
	n.types(0, next("shopwatch products tencent"), "45100000003")
	n.types(0, next("shopwatch mail preview"))
	n.types(0, next("shopwatch mail test"))
	if _, err := n.mail.Wait(deadline.Context(t)); err != nil {
		t.Fatal(err)
	}

	line := next("shopwatch run")
	began := time.Now()
	daemon := n.serveProcess(n.shell(line))
	t.Cleanup(func() {
		_ = daemon.Process.Signal(syscall.SIGTERM)
		_ = deadline.Wait(t, daemon)
	})
	n.note(line, began)
	n.shop.Put(fixtures.Product{ID: "45100000004", Title: "亲子蓝牙音箱", Price: "129.00"})
	n.types(0, "shopwatch scan", "added")
	m, err := n.mail.Wait(deadline.Context(t))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(m.Raw, []byte("+1 new")) {
		t.Errorf("the first report is\n%s", m.Raw)
	}
	fmt.Printf("newcomer: the first report after %d commands and %.1f minutes\n", len(n.commands), time.Since(n.began).Minutes())
}

// simulate leads the configuration that init has written to the simulated mall
// and mail server.
func (n *newcomer) simulate() {
	n.t.Helper()
	file := filepath.Join(n.dir, "shopwatch.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		n.t.Fatal(err)
	}
	s := regexp.MustCompile(`(?m)^ *(username|password): .*\n`).ReplaceAllString(string(text), "")
	s = strings.Replace(s, "server: smtps://mail.example.com", "server: "+n.mail.URL()+"\n    plaintext: true", 1)
	s += "listen: 127.0.0.1:0\nbrowser:\n  pace: 0s\n  flags:\n"
	for name, value := range n.mall.Flags() {
		s += fmt.Sprintf("    %s: %#v\n", name, value)
	}
	if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
		n.t.Fatal(err)
	}
}

// logsIn logs in as the command asks for.
func (n *newcomer) logsIn(line string) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 2*time.Minute)
	defer cancel()
	began := time.Now()
	cmd := n.shell(line)
	shown := &typed{t: n.t}
	cmd.Stdout, cmd.Stderr = shown, shown
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	var codes []string
	for len(codes) == 0 && ctx.Err() == nil {
		time.Sleep(50 * time.Millisecond)
		codes = fixtures.ReadTerminalQR(shown.String())
	}
	if len(codes) == 0 {
		n.t.Fatalf("no code is shown:\n%s", shown)
	}
	if err := n.mall.ScanQR(codes[0], "tb_watcher"); err != nil {
		n.t.Fatal(err)
	}
	if err := deadline.Wait(n.t, cmd); err != nil {
		n.t.Fatalf("%s: %v\n%s", line, err, shown)
	}
	n.note(line, began)
	if testing.Verbose() {
		fmt.Printf("%s\n", shown)
	}
}
