package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// completions are lines with what a tab makes of them: the words of the line
// after it. In each of them there is one candidate or none.
var completions = []struct{ line, want string }{
	{"shopwatch sto", "shopwatch storefronts"},
	{"shopwatch mail pre", "shopwatch mail preview"},
	{"shopwatch scan --dry", "shopwatch scan --dry-run"},
	{"shopwatch changes --kind none", "shopwatch changes --kind none"}, // there is no such kind
	{"shopwatch changes --kind added,remo", "shopwatch changes --kind added,removed"},
	{"shopwatch changes --kind=remo", "shopwatch changes --kind=removed"},
	{"shopwatch products ten", "shopwatch products tencent"},
	{"shopwatch scan tencent li", "shopwatch scan tencent lining-official"},
	{"shopwatch -c other.yaml products an", "shopwatch -c other.yaml products anta"},
	{"shopwatch suspects --storefront li", "shopwatch suspects --storefront lining-official"},
	{"shopwatch mail test --channel an", "shopwatch mail test --channel analysts"},
	{"shopwatch products --group sp", "shopwatch products --group speakers"},
	{"shopwatch mail unsubscribed --channel an", "shopwatch mail unsubscribed --channel analysts"},
	{"shopwatch login t", "shopwatch login tmall"},
	{"shopwatch completion f", "shopwatch completion fish"},
	{"shopwatch restore the-back", "shopwatch restore the-backup.db"},
	{"shopwatch -c oth", "shopwatch -c other.yaml"},
	// Nothing follows, and no flag comes by itself.
	{"shopwatch storefronts ", "shopwatch storefronts"},
	{"shopwatch check ", "shopwatch check"},
	{"shopwatch products tencent ", "shopwatch products tencent"},
}

// The scripts are tried in the shells themselves, as a person does it: a line is
// typed up to a tab, and what stands there then is looked at. The shells have
// no configuration of their own.
func TestCompletion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "shopwatch")); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		// It wants a variable that is not set, and is not finished.
		"shopwatch.yaml": "storefronts:\n  - name: tencent\n    url: https://tencent.tmall.com/\n  - name: lining-official\nchannels:\n  - name: analysts\n    password: ${NO_SUCH_VARIABLE}\ngroups:\n  - name: speakers\n",
		"other.yaml":     "storefronts:\n  - name: anta\n",
		"the-backup.db":  "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, sh := range []struct {
		name string
		args []string
	}{
		{"bash", []string{"--norc", "--noprofile", "-i"}},
		{"zsh", []string{"-f", "-i"}},
		{"fish", []string{"--no-config", "-i"}},
	} {
		t.Run(sh.name, func(t *testing.T) {
			path, err := exec.LookPath(sh.name)
			if err != nil {
				if os.Getenv("CI") != "" {
					t.Fatal(err)
				}
				t.Skip(err)
			}
			var script, errs bytes.Buffer
			if status := run(t.Context(), []string{"completion", sh.name}, &script, &errs); status != 0 {
				t.Fatalf("completion = %d, %s", status, errs.String())
			}
			file := filepath.Join(dir, "completion."+sh.name)
			if err := os.WriteFile(file, script.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			s := startShell(t, dir, path, sh.args...)
			s.enter("source " + file)
			for _, tt := range completions {
				// The line becomes arguments of printf when it is done, so that
				// the shell itself says what stood there.
				s.typed(tt.line + "\t\x01printf '<%s>' \x05 end-of-line\r")
				got := s.until("<end-of-line>")
				i := strings.LastIndex(got, "<shopwatch>")
				if i < 0 {
					t.Fatalf("after %q and a tab the shell shows %q", tt.line, got)
				}
				words := strings.Split(strings.Trim(got[i:], "<>"), "><")
				if line := strings.Join(words, " "); line != tt.want+" end-of-line" {
					t.Errorf("%q becomes %q, want %q", tt.line, strings.TrimSuffix(line, " end-of-line"), tt.want)
				}
			}
		})
	}
}

// A shell is one that runs in a terminal.
type shell struct {
	t      *testing.T
	master *os.File
	shown  chan string
}

func startShell(t *testing.T, dir, path string, args ...string) *shell {
	t.Helper()
	master, tty := openTerminal(t, 200)
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SHOPWATCH_TEST_RUN=1", "PATH="+dir+":"+os.Getenv("PATH"), "HOME="+t.TempDir(), "TERM=xterm", "PS1=> ")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	inNewSession(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	s := &shell{t: t, master: master, shown: make(chan string, 1024)}
	go func() {
		defer close(s.shown)
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			if err != nil {
				return
			}
			s.shown <- string(b[:n])
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return s
}

func (s *shell) typed(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.master, text); err != nil {
		s.t.Fatal(err)
	}
}

// enter has the shell run a line, and waits for its end.
func (s *shell) enter(line string) {
	s.t.Helper()
	s.typed(line + "; printf '<%s>' done\r")
	s.until("<done>")
}

// until returns what is shown up to a text that is not typed.
func (s *shell) until(text string) string {
	s.t.Helper()
	all, late := "", time.After(5*time.Minute)
	for {
		select {
		case part, ok := <-s.shown:
			all += part
			if i := strings.Index(all, text); i >= 0 {
				return all[:i+len(text)]
			}
			if !ok {
				s.t.Fatalf("the shell has ended; it showed %q", all)
			}
		case <-late:
			s.t.Fatalf("the shell does not show %q, but %q", text, all)
		}
	}
}
