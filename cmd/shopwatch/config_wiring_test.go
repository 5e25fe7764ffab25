package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/tracker"
)

// A configuration that cannot take the place of the running one is refused,
// and a storefront under another name is told of.
func TestReloadRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shopwatch.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Root would be refused a Chrome with a sandbox.
	const good = "browser: {flags: {no-sandbox: true}}\nstorefronts: [{name: tencent, url: 'https://tencent.tmall.com/', schedule: '@daily'}]"
	write(good)
	a := &app{ctx: t.Context(), file: file}
	old, err := a.load()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, text, says string
		taken            bool
	}{
		{"the same again", good, "", true},
		{"a mistake", "storefront: []", "configuration refused", false},
		{"another data directory", "data: elsewhere\n" + good, "restart the daemon to use it", false},
		{"another name for a storefront", strings.Replace(good, "name: tencent", "name: tencent2", 1), "a storefront has another name", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			write(tt.text)
			var log strings.Builder
			got := a.reload(old, slog.New(slog.NewTextHandler(&log, nil)))
			if (got != nil) != tt.taken || !strings.Contains(log.String(), tt.says) {
				t.Errorf("reload = %v, want it taken: %v, and a word about %q:\n%s", got, tt.taken, tt.says, log.String())
			}
		})
	}
}

func TestInit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shopwatch.yaml")
	var out, errs strings.Builder
	if status := run(t.Context(), []string{"init", "-c", file}, &out, &errs); status != 0 || !strings.Contains(out.String(), "shopwatch check") {
		t.Fatalf("init = %d, %s%s, want 0 and what to do next", status, out.String(), errs.String())
	}
	if status := run(t.Context(), []string{"init", "-c", file}, &out, &errs); status != 1 || !strings.Contains(errs.String(), "is there already") {
		t.Errorf("init again = %d, %s, want 1 and why", status, errs.String())
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v, want 0600: it may hold a password", st.Mode(), err)
	}
}

// good reads a sample of the configuration that is in order.
func good(t *testing.T, name string) *config.Config {
	t.Helper()
	t.Setenv("SMTP_PASSWORD", "secret")
	t.Setenv("SECRET", "t0p-s3cr3t")
	c, err := config.Load(filepath.Join("config", "testdata", name+".good.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestChannels(t *testing.T) {
	ch := channelsOf(good(t, "digest"))[0]
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) // a Sunday
	if got, want := ch.Digest.Next(at), at.Add(19*time.Hour); !got.Equal(want) {
		t.Errorf("Digest.Next = %s, want Monday at eight in Berlin, %s", got, want)
	}
	if ch.Heartbeat == nil || ch.Quiet.From != 22*time.Hour || ch.Quiet.To != 7*time.Hour || ch.Lang != "zh" || ch.Filter.LeastPercent != 2.5 {
		t.Errorf("channel = %+v", ch)
	}
	if w := ch.Filter.Watched; !w(&tracker.Product{Title: "糖大夫 血糖仪"}) || w(&tracker.Product{Title: "全民WiFi"}) {
		t.Error("Watched does not pick the products that the pattern does")
	}
	if ch := channelsOf(good(t, "design"))[0]; ch.Digest != nil || ch.Heartbeat != nil || ch.Filter.Watched != nil {
		t.Errorf("channel = %+v, want no digest, no heartbeat, all products", ch)
	}
}
