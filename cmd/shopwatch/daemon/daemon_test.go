package daemon

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/storage/bolt"
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
	load := func() (*config.Config, error) { return config.Load(file) }
	old, err := load()
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
		{"a Chrome with its sandbox, for root", strings.TrimPrefix(good, "browser: {flags: {no-sandbox: true}}"), "no-sandbox: true", os.Geteuid() != 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.taken {
				tt.says = strings.TrimPrefix(tt.says, "no-sandbox: true")
			}
			write(tt.text)
			var said strings.Builder
			log := slog.New(slog.NewTextHandler(&said, nil))
			got, err := reload(old, load)
			if err == nil {
				tellStorefronts(old, got, log)
			} else {
				(&refusal{}).tell(true, err, log)
			}
			if (err == nil) != tt.taken || !strings.Contains(said.String(), tt.says) {
				t.Errorf("reload = %v, want it taken: %v, and a word about %q:\n%s", err, tt.taken, tt.says, said.String())
			}
		})
	}
}

// A shop that is watched in two countries has no other name when one is taken out.
func TestTellStorefronts(t *testing.T) {
	old := good(t, "one_shop")
	now := *old
	now.Storefronts = old.Storefronts[1:]
	var said strings.Builder
	tellStorefronts(old, &now, slog.New(slog.NewTextHandler(&said, nil)))
	if !strings.Contains(said.String(), "no longer watched") || strings.Contains(said.String(), "another name") {
		t.Errorf("it says %s", said.String())
	}
}

// good reads a sample of the configuration that is in order.
func good(t *testing.T, name string) *config.Config {
	t.Helper()
	t.Setenv("SMTP_PASSWORD", "secret")
	t.Setenv("SECRET", "t0p-s3cr3t")
	c, err := config.Load(filepath.Join("..", "config", "testdata", name+".good.yaml"))
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
	if !ch.PDF || ch.Heartbeat == nil || ch.Quiet.From != 22*time.Hour || ch.Quiet.To != 7*time.Hour || ch.Lang != "zh" || ch.Filter.LeastPercent != 2.5 {
		t.Errorf("channel = %+v", ch)
	}
	if w := ch.Filter.Watched; !w(&tracker.Product{Title: "糖大夫 血糖仪"}) || w(&tracker.Product{Title: "全民WiFi"}) {
		t.Error("Watched does not pick the products that the pattern does")
	}
	if ch := channelsOf(good(t, "design"))[0]; ch.Digest != nil || ch.Heartbeat != nil || ch.Filter.Watched != nil {
		t.Errorf("channel = %+v, want no digest, no heartbeat, all products", ch)
	}
}

// systemd is told nothing more when the database is not where it was, so that
// it ends a daemon that does not end itself.
func TestWatchdogWithoutDatabase(t *testing.T) {
	dir, err := os.MkdirTemp("", "sw") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unixgram"})
	if err != nil {
		t.Skip(err)
	}
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", filepath.Join(dir, "s"))
	db, err := bolt.Open(filepath.Join(dir, "shopwatch.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan bool)
	go func() { watchdog(ctx, db, 20*time.Millisecond); close(ended) }()
	defer func() { cancel(); <-ended }()
	hear := func(within time.Duration) error {
		socket.SetReadDeadline(time.Now().Add(within))
		_, err := socket.Read(make([]byte, 100))
		return err
	}
	for range 3 {
		if err := hear(10 * time.Second); err != nil {
			t.Fatalf("systemd is not told that the daemon lives: %v", err)
		}
	}
	if err := os.Remove(db.Path()); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); hear(500*time.Millisecond) == nil; {
		if time.Now().After(end) {
			t.Fatal("systemd is told that a daemon without its database lives")
		}
	}
}

// Storefronts of a marketplace are left in peace together, shops with a website
// of their own each by itself.
func TestPlansHaveGates(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shopwatch.yaml")
	const text = `browser: {flags: {no-sandbox: true}}
storefronts:
  - {name: a, url: 'https://tencent.tmall.com/', schedule: '@daily'}
  - {name: b, url: 'https://oppo.tmall.com/', schedule: '@daily'}
  - {name: c, url: 'https://shop.example/', marketplace: woocommerce, schedule: '@daily'}
  - {name: d, url: 'https://other.example/', marketplace: woocommerce, schedule: '@daily'}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	var gates []string
	for _, p := range Plans(c) {
		gates = append(gates, p.Gate)
	}
	if got, want := strings.Join(gates, " "), "tmall tmall shop.example other.example"; got != want {
		t.Errorf("gates %s, want %s", got, want)
	}
}
