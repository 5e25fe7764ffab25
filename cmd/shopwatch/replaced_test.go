package main

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/daemon"
	"shopwatch/fixtures/deadline"
	"shopwatch/storage"
)

// A daemon whose database is deleted or replaced is not ready any more, keeps
// nothing that would be lost, and ends with a word about what to do: the copy
// that it leaves holds all that it knew.
func TestDatabaseReplaced(t *testing.T) {
	t.Parallel()
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
			if err := deadline.Wait(t, daemon); !errors.As(err, &exit) || exit.ExitCode() != 1 {
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

// A daemon that cannot save what its database held goes on until it can.
func TestRescueIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := quietWorld(t, "")
	data := filepath.Join(w.dir, "data")
	fill(t, data)
	c, db := w.store()
	defer db.Close()
	said := log{said: make(chan bool)}
	ended := make(chan error, 1)
	go func() {
		ended <- daemon.Run(t.Context(), c, db, func() (*config.Config, error) { return c, nil },
			daemon.Options{Timing: faster(100), Log: slog.New(slog.NewJSONHandler(&said, nil))})
	}()
	until(t, "it has started", func() bool { return strings.Contains(said.String(), "started") })
	// A file is where its directory was.
	if err := errors.Join(os.Rename(data, data+".old"), os.WriteFile(data, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	until(t, "it says that it cannot", func() bool { return strings.Contains(said.String(), "cannot be saved yet") })
	if err := os.Remove(data); err != nil {
		t.Fatal(err)
	}
	err := deadline.Receive(t, "the daemon ends", ended)
	if !errors.Is(err, storage.ErrReplaced) {
		t.Errorf("Run = %v, want that the database was replaced", err)
	}
	saved, _ := filepath.Glob(filepath.Join(data, "shopwatch.db.rescued-*"))
	if len(saved) != 1 || !strings.Contains(err.Error(), saved[0]) {
		t.Fatalf("%d copies were saved: %v", len(saved), err)
	}
	w.want(0, "restore", saved[0])
	if out := w.want(0, "changes"); !strings.Contains(out, "retitled") {
		t.Errorf("changes prints\n%s", out)
	}
}

// faster is the usual timing with waits that are so many times shorter.
func faster(n int) daemon.Timing {
	t, by := daemon.UsualTiming(), time.Duration(n)
	for _, d := range []*time.Duration{&t.Jitter, &t.CoolDown, &t.Backoff, &t.PageRetry, &t.RetryFirst, &t.RetryMost, &t.Guard, &t.Rescue, &t.Late} {
		*d /= by
	}
	return t
}
