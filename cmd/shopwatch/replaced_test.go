package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A daemon whose database is deleted or replaced is not ready any more, keeps
// nothing that would be lost, and ends with a word about what to do: the copy
// that it leaves holds all that it knew.
func TestDatabaseReplaced(t *testing.T) {
	for name, replace := range map[string]func(path string) error{
		"deleted":  os.Remove,
		"replaced": func(path string) error { return os.Rename(path+".other", path) },
	} {
		t.Run(name, func(t *testing.T) {
			w := quietWorld(t, "")
			data := filepath.Join(w.dir, "data")
			fill(t, data)
			path := filepath.Join(data, "shopwatch.db")
			w.want(0, "backup", path+".other")
			before := w.want(0, "changes", "--json")
			daemon := w.process("run")
			address := w.address()
			ready := func() (int, string) {
				resp, err := http.Get("http://" + address + "/readyz")
				if err != nil {
					return 0, err.Error()
				}
				defer resp.Body.Close()
				b, _ := io.ReadAll(resp.Body)
				return resp.StatusCode, string(b)
			}
			if err := replace(path); err != nil {
				t.Fatal(err)
			}
			// It ends within seconds of that, so it may be gone already.
			if status, text := ready(); status != 0 && (status != 503 || !strings.Contains(text, path+" was deleted or replaced")) {
				t.Errorf("/readyz = %d %s, want 503 and why", status, text)
			}
			var exit *exec.ExitError
			if err := daemon.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("the daemon ends with %v, want 1", err)
			}
			said := daemon.Stderr.(*log).String()
			saved := regexp.MustCompile(`shopwatch: (.+) was deleted or replaced .* shopwatch restore (\S+) and start again\n`).FindStringSubmatch(said)
			if saved == nil || saved[1] != path {
				t.Fatalf("the daemon says\n%s", said)
			}
			if name == "deleted" {
				if _, errs, status := w.do("run"); status != 1 || !strings.Contains(errs, "shopwatch restore "+saved[2]) {
					t.Errorf("the next daemon = %d %s, want 1 and what to do", status, errs)
				}
			}
			w.want(0, "restore", saved[2])
			if after := w.want(0, "changes", "--json"); after != before {
				t.Errorf("the log is\n%s\nbefore it was\n%s", after, before)
			}
		})
	}
}
