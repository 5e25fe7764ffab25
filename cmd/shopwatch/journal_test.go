package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/tracker"
)

func TestJournal(t *testing.T) {
	data := t.TempDir()
	open := func() *journal {
		t.Helper()
		j, err := openJournal(data, []tracker.StorefrontName{"a", "b"}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	j := open()
	if _, ok := j.picture("a", "p"); !ok || j.careful("a") || j.late("a", time.Minute) != 0 {
		t.Error("a new journal refuses something")
	}
	// Death in a picture: only that one is avoided, and for ever.
	j.begin("a")
	j.picture("a", "bad")
	j = open()
	if _, ok := j.picture("a", "bad"); ok {
		t.Error("the picture at which it died is looked at again")
	}
	j.begin("a")
	done, ok := j.picture("a", "good")
	if !ok {
		t.Fatal("another picture is not looked at")
	}
	done()
	j.end("a", true)
	// Opening it once more, without a scan, is no death.
	open()
	j = open()
	if j.careful("a") {
		t.Error("one death makes it careful")
	}
	for death := 2; death <= 14; death++ {
		j.begin("a")
		j = open()
		if got, want := j.careful("a"), death >= carefulAfter; got != want {
			t.Errorf("%d deaths: careful = %v", death, got)
		}
		if got, want := j.late("a", time.Minute) > 0, death >= lateAfter; got != want || j.late("a", time.Minute) > time.Hour {
			t.Errorf("%d deaths: late by %s", death, j.late("a", time.Minute))
		}
		if j.careful("b") || j.late("b", time.Minute) > 0 {
			t.Error("another storefront is touched")
		}
	}
	// A scan that is cut short says nothing; one that comes to its end does.
	j.begin("a")
	j.end("a", true)
	if j = open(); !j.careful("a") {
		t.Error("a scan that was cut short counts as one that ended")
	}
	j.begin("a")
	j.end("a", false)
	if j = open(); j.careful("a") || j.late("a", time.Minute) > 0 {
		t.Error("after a scan that ended it is still careful")
	}
	// Files that make no sense and storefronts of long ago are dropped.
	for name, text := range map[string]string{"a.scan": "{", "gone.scan": `{"storefront":"gone","deaths":9,"running":true}`, avoidFile: "["} {
		if err := os.WriteFile(filepath.Join(data, journalFolder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open()
	if left, _ := filepath.Glob(filepath.Join(data, journalFolder, "*.scan")); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

// killer kills a process whenever an address is asked for.
type killer struct {
	daemon atomic.Pointer[exec.Cmd]
	asked  atomic.Int64
}

func (k *killer) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	k.asked.Add(1)
	if cmd := k.daemon.Load(); cmd != nil {
		_ = cmd.Process.Signal(syscall.SIGKILL) // it may be dead already
	}
	<-r.Context().Done()
}

// A picture at which the daemon dies costs one death, not one at every start,
// and the product is told of all the same.
func TestDeadlyPictureIsAvoided(t *testing.T) {
	w := newWorld(t)
	w.want(0, "scan")
	bad := fixtures.Product{ID: "45100000009", Title: "新到", Price: "9.00"}
	w.shop.Put(bad)
	picture := strings.TrimPrefix(w.shop.Picture(bad), "https://img.alicdn.com")
	var k killer
	w.mall.Handle("img.alicdn.com", picture+"*", &k)

	cmd := w.process("run")
	k.daemon.Store(cmd)
	w.do("scan") // the daemon dies in it
	cmd.Wait()
	if k.asked.Load() == 0 {
		t.Fatal("the picture was not looked at")
	}
	cmd = w.process("run")
	k.daemon.Store(cmd)
	asked := k.asked.Load()
	out := w.want(0, "scan")
	if !strings.Contains(out, "added") || k.asked.Load() != asked {
		t.Errorf("the picture was asked for %d times more; the scan says\n%s", k.asked.Load()-asked, out)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("the daemon ended with %v", err)
	}
}

// A storefront that kills whoever reads it does not kill the daemon at every
// start: after some deaths it waits, and the rest of the daemon works.
func TestDeadlyStorefrontDoesNotKillAtEveryStart(t *testing.T) {
	w := newWorld(t)
	var k killer
	w.mall.Handle("tencent.tmall.com", "/search.htm", &k)
	w.configure(map[string]any{"storefronts": []any{map[string]any{"name": "tencent", "url": w.shop.URL(), "schedule": "@every 6h"}}})
	for range lateAfter {
		asked := k.asked.Load()
		cmd := w.process("run")
		k.daemon.Store(cmd)
		if k.asked.Load() > asked {
			cmd.Process.Signal(syscall.SIGKILL) // it was asked before the daemon was known
		}
		cmd.Wait()
	}
	k.daemon.Store(nil)
	asked := k.asked.Load()
	cmd := w.process("run")
	var list []struct {
		Name string    `json:"name"`
		Next time.Time `json:"next"`
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for ctx.Err() == nil && (len(list) == 0 || list[0].Next.IsZero()) {
		list = nil
		d := json.NewDecoder(strings.NewReader(w.want(0, "storefronts", "--json")))
		for {
			var one struct {
				Name string    `json:"name"`
				Next time.Time `json:"next"`
			}
			if err := d.Decode(&one); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			list = append(list, one)
		}
	}
	if len(list) != 1 || time.Until(list[0].Next) < 20*time.Second || k.asked.Load() != asked {
		t.Errorf("after %d deaths: %+v, asked %d times more", lateAfter, list, k.asked.Load()-asked)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("the daemon ended with %v", err)
	}
}
