package scan_test

import (
	"context"
	"image"
	"image/color"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market/all"
	"shopwatch/tracker/picture"
	"shopwatch/tracker/scan"
)

// One mall and one Chrome serve all tests of the package; a profile directory
// or a Chrome that is left over fails the run.
var (
	mall   *fixtures.Mall
	chrome *browser.Browser
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		runChild()
		return
	}
	if os.Getenv(clockVariable) != "" {
		scanByClock()
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	tmp, err := os.MkdirTemp("", "scan-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(tmp)
	os.Setenv("TMPDIR", tmp) // of the profile, so that a left-over one is seen
	if mall, err = fixtures.NewMall(); err != nil {
		panic(err)
	}
	defer mall.Close()
	chrome = browser.New(browser.Options{Flags: mall.Flags(), Resolver: mall.Resolver()})
	code = m.Run()
	if err := chrome.Close(); err != nil {
		println("close chrome:", err.Error())
		code = 1
	}
	if left, _ := filepath.Glob(filepath.Join(tmp, "*profile*")); len(left) > 0 {
		println("left over:", strings.Join(left, " "))
		code = 1
	}
	return code
}

// short skips a test that needs Chrome in a short run.
func short(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs Chrome")
	}
}

// A shopper scans storefronts of the mall into a catalog in memory.
type shopper struct {
	t       *testing.T
	options scan.Options // of the scanner
	scanner *scan.Scanner
	rules   tracker.Rules
	catalog tracker.Items
	kept    [][]byte
	cut     bool // something stands right of the words that are shown
	kill    int  // Chrome after that many pages; 0 for never
	how     scan.Capturing
}

func newShopper(t *testing.T, change func(*scan.Options)) *shopper {
	t.Helper()
	sh := &shopper{t: t, rules: tracker.DefaultRules()}
	o := scan.Options{
		Markets: all.Markets(), Browser: chrome, PageTimeout: patientWait, Backoff: 20 * time.Millisecond,
		Preview: func(s *tracker.Scan, r tracker.Rules) (tracker.Outcome, error) {
			return sh.catalog.Reconcile(s, r), nil
		},
		Keep: func(content []byte, ext string) (string, error) {
			sh.kept = append(sh.kept, content)
			return ext, nil
		},
	}
	if testing.Verbose() {
		o.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if change != nil {
		change(&o)
	}
	sh.options, sh.scanner = o, scan.New(o)
	return sh
}

// How long a page is waited for: long enough on a busy machine, and no longer
// than needed where a fault may keep it from coming.
const (
	patientWait  = 30 * time.Second
	strickenWait = 5 * time.Second
)

// waitUnder returns how long pages are waited for under a fault. One that has to
// end at a wall shows that wall; a page that is waited for no longer would be
// tried again, past it.
func waitUnder(right func(tracker.Verdict) bool) time.Duration {
	if right(tracker.Complete) || right(tracker.Partial) || right(tracker.Failed) {
		return strickenWait
	}
	return patientWait
}

// wait sets how long the scans to come wait for a page.
func (sh *shopper) wait(d time.Duration) {
	sh.options.PageTimeout = d
	sh.scanner = scan.New(sh.options)
}

// scan reads a storefront and commits what it saw.
func (sh *shopper) scan(url string) (*tracker.Scan, []tracker.Change) {
	sh.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	s, changes := sh.scanWith(ctx, url)
	if ctx.Err() != nil {
		sh.t.Fatalf("the scan of %s did not end", url)
	}
	return s, changes
}

func (sh *shopper) scanWith(ctx context.Context, url string) (*tracker.Scan, []tracker.Change) {
	return sh.scanStorefront(ctx, tracker.Storefront{Name: "s", URL: url})
}

func (sh *shopper) scanStorefront(ctx context.Context, sf tracker.Storefront) (*tracker.Scan, []tracker.Change) {
	s := sh.scanner.Capture(ctx, sf, sh.rules, func(p tracker.Progress) {
		if sh.kill > 0 && p.Pages == sh.kill {
			sh.kill = 0
			syscall.Kill(chrome.PID(), syscall.SIGKILL)
		}
	}, sh.how)
	o := sh.catalog.Reconcile(s, sh.rules)
	sh.catalog.Apply(o)
	return s, o.Changes
}

// showsWords checks that an enlarged picture of the words that a probe found was
// kept beside that of the page, that it is not empty, and that nothing is cut off;
// it returns its size.
func (sh *shopper) showsWords(p *tracker.Probe) image.Point {
	sh.t.Helper()
	if p.Detail == "" {
		sh.t.Fatalf("no picture shows the words %q", p.Says)
	}
	var sizes []image.Point
	for _, content := range sh.kept {
		img, err := picture.Decode(content)
		if err != nil {
			sh.t.Fatal(err)
		}
		size := img.Bounds().Size()
		sizes = append(sizes, size)
		if size.X < 480 || size.X > 960 || size.Y != size.X*150/240 {
			continue
		}
		shades := map[color.Color]bool{}
		for x := range size.X {
			for y := range size.Y {
				shades[img.At(x, y)] = true
				if dark, _, _, _ := img.At(x, y).RGBA(); dark < 0x6000 && x > size.X-4 && !sh.cut {
					sh.t.Fatalf("the words %q are cut off at the right", p.Says)
				}
			}
		}
		if len(shades) < 10 {
			sh.t.Errorf("%d colours in the picture of the words %q: nothing stands there", len(shades), p.Says)
		}
		return size
	}
	sh.t.Fatalf("pictures of %v, none of the words %q", sizes, p.Says)
	return image.Point{}
}

func ids(ps []tracker.Product) string {
	var s []string
	for _, p := range ps {
		s = append(s, string(p.ID))
	}
	return strings.Join(s, " ")
}
