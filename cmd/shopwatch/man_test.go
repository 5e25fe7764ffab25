package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"shopwatch/cmd/shopwatch/config"
)

// The manual page names every command, flag and key, and is one that man shows
// without complaint.
func TestManual(t *testing.T) {
	model := newParser(new(commands), io.Discard, io.Discard).Model
	page := manual(model)
	file := filepath.Join(t.TempDir(), "shopwatch.1")
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	man, err := exec.LookPath("man")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	cmd := exec.Command(man, "--warnings", "-l", file)
	cmd.Env = append(os.Environ(), "MANWIDTH=200", "LC_ALL=C.UTF-8", "MANPAGER=cat", "MANOPT=--nh --nj")
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil || errs.Len() > 0 {
		t.Fatalf("man: %v\n%s", err, errs.String())
	}
	shown := strings.Join(strings.Fields(string(out)), " ")
	for _, n := range model.Leaves(true) {
		if !strings.Contains(shown, n.FullPath()+" ") {
			t.Errorf("%s is not on the page", n.FullPath())
		}
		for _, f := range n.Flags {
			if want := "--" + f.Name; !strings.Contains(shown, want) {
				t.Errorf("%s is not on the page", want)
			}
		}
		if want := strings.Join(strings.Fields(n.Detail), " "); !strings.Contains(shown, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for line := range strings.Lines(string(config.Sample)) {
		if want := strings.Join(strings.Fields(line), " "); !strings.Contains(shown, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}
