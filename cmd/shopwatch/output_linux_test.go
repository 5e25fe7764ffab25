package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What could not be printed is no success, whatever prints it.
func TestFullOutput(t *testing.T) {
	t.Parallel()
	w := quietWorld(t, "channels: [{name: notes, kind: file, path: notes.jsonl}]\n")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w.retitle("data")
	for _, args := range []string{"--version", "storefronts", "suspects", "why 1", "why 1 --json", "mail preview", "groups suggest", "export changes"} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer full.Close()
		var errs bytes.Buffer
		c := exec.Command(program, append([]string{"-c", filepath.Join(w.dir, "shopwatch.yaml")}, strings.Fields(args)...)...)
		c.Env = append(os.Environ(), "SHOPWATCH_TEST_RUN=1")
		c.Stdout, c.Stderr = full, &errs
		if err := c.Run(); c.ProcessState.ExitCode() != 1 || strings.Count(errs.String(), "\n") != 1 || !strings.Contains(errs.String(), "no space left on device") {
			t.Errorf("shopwatch %s to a full disk: %v, says %q", args, err, errs.String())
		}
	}
}
