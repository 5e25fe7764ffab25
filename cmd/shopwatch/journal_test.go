package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/fixtures/deadline"
)

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
	t.Parallel()
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
	_ = deadline.Wait(t, cmd)
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
	if err := deadline.Wait(t, cmd); err != nil {
		t.Errorf("the daemon ended with %v", err)
	}
}

// A storefront that kills whoever reads it does not kill the daemon at every
// start: after some deaths it waits, and the rest of the daemon works.
func TestDeadlyStorefrontDoesNotKillAtEveryStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var k killer
	w.mall.Handle("tencent.tmall.com", "/search.htm", &k)
	w.configure(map[string]any{"storefronts": []any{map[string]any{"name": "tencent", "url": w.shop.URL(), "schedule": "@every 6h"}}})
	const deaths = 3 // after which the daemon does not scan at once
	for range deaths {
		asked := k.asked.Load()
		cmd := w.process("run")
		k.daemon.Store(cmd)
		if k.asked.Load() > asked {
			cmd.Process.Signal(syscall.SIGKILL) // it was asked before the daemon was known
		}
		_ = deadline.Wait(t, cmd)
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
		t.Errorf("after %d deaths: %+v, asked %d times more", deaths, list, k.asked.Load()-asked)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	if err := deadline.Wait(t, cmd); err != nil {
		t.Errorf("the daemon ended with %v", err)
	}
}
