package scan_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"shopwatch/fixtures"
	"shopwatch/fixtures/markets"
	"shopwatch/fixtures/markets/woocommerce"
	"shopwatch/storage/merkle"
	"shopwatch/tracker"
	"shopwatch/tracker/archive"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market/all"
	"shopwatch/tracker/scan"
)

// A shelf of captures keeps them as files.
type captures struct {
	t      *testing.T
	signer *archive.Signer
	files  map[string][]byte
}

func newCaptures(t *testing.T) *captures {
	t.Helper()
	signer, err := newSigner("test")
	if err != nil {
		t.Fatal(err)
	}
	return &captures{t: t, signer: signer, files: make(map[string][]byte)}
}

// newSigner returns a signer of captures, with a new key of some name.
func newSigner(name string) (*archive.Signer, error) {
	secret, err := merkle.NewSigner(name)
	if err != nil {
		return nil, err
	}
	return archive.NewSigner(secret)
}

// options have a scanner keep its captures.
func (c *captures) options(o *scan.Options) {
	o.Archive = func(_ context.Context, a *archive.Capture) (string, error) {
		file, err := a.Pack(c.signer)
		name := fmt.Sprintf("%d.wacz", len(c.files)+1)
		c.files[name] = file
		return name, err
	}
}

// open opens a capture that a scan names.
func (c *captures) open(name string) *archive.Capture {
	c.t.Helper()
	file, kept := c.files[name]
	if !kept {
		c.t.Fatalf("there is no capture %q among %d", name, len(c.files))
	}
	a, err := archive.Open(file)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Logf("%s: %d bytes, %d records, left out %q", name, len(file), len(a.Records), a.Reading.Left)
	return a
}

// replay reads a capture again. The mall must not be asked for anything.
func (c *captures) replay(a *archive.Capture) *scan.Replayed {
	c.t.Helper()
	mall.Forget()
	// With these switches Chrome would find the mall.
	r, err := scan.Replay(c.t.Context(), a, all.Markets(), browser.Options{Flags: mall.Flags()}, slog.New(slog.DiscardHandler))
	if err != nil {
		c.t.Fatal(err)
	}
	if asked := mall.Requests(); len(asked) > 0 {
		c.t.Errorf("the network was asked: %v", asked)
	}
	return r
}

// The page that proves a removal is kept as it was answered, and says the same
// when it is read again without the network. Of a complete scan nothing else is.
func TestRemovalIsCaptured(t *testing.T) {
	short(t)
	for i, how := range []fixtures.Absence{fixtures.OffShelf, fixtures.GoneByScript} {
		t.Run(string(how), func(t *testing.T) {
			shop := openShop(t, fmt.Sprintf("captured%d.tmall.com", i), 12)
			c := newCaptures(t)
			sh := newShopper(t, c.options)
			sh.scan(shop.URL())
			if len(c.files) > 0 {
				t.Errorf("a complete scan without changes kept %d captures", len(c.files))
			}
			shop.Take("600000000003", how)
			s, changes := sh.scan(shop.URL())
			if len(changes) != 1 || s.Probes[0].Capture == "" || s.Evidence.Capture != "" || len(c.files) != 1 {
				t.Fatalf("changes %q, %+v, %d captures", tell(changes), s.Probes, len(c.files))
			}
			a := c.open(s.Probes[0].Capture)
			kinds := map[string]bool{}
			for _, r := range a.Records {
				switch {
				case r.Page && strings.Contains(r.URL, "id=600000000003"):
					kinds["page"] = true
				case strings.HasPrefix(r.URL, "urn:shopwatch:dom:https://"):
					kinds["dom"] = len(r.Body) > 100
				case strings.HasPrefix(r.URL, "urn:view:https://"):
					kinds["picture"] = strings.HasPrefix(string(r.Body), "RIFF")
				}
			}
			if !kinds["page"] || !kinds["dom"] || !kinds["picture"] {
				t.Errorf("records are %v", kinds)
			}
			r := c.replay(a)
			was := a.Reading.Items[0].Probe
			if len(r.Items) != 1 || r.Items[0].State != was.State || r.Items[0].Says != was.Says || r.Items[0].Reason != was.Reason {
				t.Errorf("read again: %+v, was %+v; missed %q", r.Items, was, r.Missed)
			}
		})
	}
}

// A scan that is captured as a whole reads the same again: verdict, evidence,
// products and item pages, without the network.
func TestWholeScanIsReplayed(t *testing.T) {
	short(t)
	shop := openShop(t, "whole.tmall.com", 20)
	c := newCaptures(t)
	sh := newShopper(t, c.options)
	sh.scan(shop.URL())
	shop.Take("600000000003", fixtures.OffShelf)
	shop.Take("600000000004", fixtures.StillSold)
	sh.how = scan.CaptureAll
	s, _ := sh.scan(shop.URL())
	a := c.open(s.Evidence.Capture)
	r := c.replay(a)
	if r.Verdict != tracker.Complete || len(r.Products) != 18 || r.Evidence.Pages != s.Evidence.Pages || !slices.Equal(r.Products, s.Products) || missed(r) {
		t.Errorf("read again: %s (%s), %d products, %+v; missed %q", r.Verdict, r.Reason, len(r.Products), r.Evidence, r.Missed)
	}
	if len(r.Items) != 2 || r.Items[0].State != tracker.PageOffshelf || r.Items[1].State != tracker.PageSold {
		t.Errorf("item pages: %+v", r.Items)
	}
	want := *r
	want.Products = slices.Clone(r.Products)
	want.Products[4].Title = "another"
	if d := r.Differences(&want); len(d) != 1 || !strings.HasPrefix(d[0], "product 5 is ") {
		t.Errorf("differences = %q", d)
	}
}

// The page at which a scan ended that was not complete is kept, and read again
// the same when it is the first.
func TestIncompleteScanIsCaptured(t *testing.T) {
	short(t)
	shop := openShop(t, "walled.tmall.com", 20)
	c := newCaptures(t)
	sh := newShopper(t, func(o *scan.Options) { c.options(o); o.Retries = -1 })
	shop.Fault(fixtures.Fault{Name: "login overlay", Times: 1})
	s, _ := sh.scan(shop.URL())
	a := c.open(s.Evidence.Capture)
	if a.Reading.Scope != archive.OfPage || a.Reading.Verdict != tracker.Login || a.Reading.Storefront.Marketplace != "tmall" {
		t.Errorf("reading = %+v", a.Reading)
	}
	if r := c.replay(a); r.Verdict != s.Verdict || r.Reason != s.Reason {
		t.Errorf("read again: %s (%s), was %s (%s); missed %q", r.Verdict, r.Reason, s.Verdict, s.Reason, r.Missed)
	}
	if len(c.files) != 1 {
		t.Errorf("%d captures are kept", len(c.files))
	}
	// So is a first page that was read in part.
	shop.Fault(fixtures.Fault{Name: "list cut off", Page: 1})
	s, _ = sh.scan(shop.URL())
	if r := c.replay(c.open(s.Evidence.Capture)); r.Verdict != tracker.Partial || r.Verdict != s.Verdict || len(r.Products) == 0 {
		t.Errorf("read again: %s (%s), was %s (%s) of %d pages; missed %q", r.Verdict, r.Reason, s.Verdict, s.Reason, s.Evidence.Pages, r.Missed)
	}
}

// Of a list that ends in a wall on a later page, that page is kept, without the
// lists of those that were turned before; the capture says what it lacks.
func TestPageOfCaptureIsTheLast(t *testing.T) {
	short(t)
	shop := openShop(t, "walled-later.tmall.com", 32)
	c := newCaptures(t)
	sh := newShopper(t, func(o *scan.Options) { c.options(o); o.Retries = -1 })
	shop.Fault(fixtures.Fault{Name: "login overlay", Page: 4})
	s, _ := sh.scan(shop.URL())
	a := c.open(s.Evidence.Capture)
	lists := 0
	for _, r := range a.Records {
		if strings.Contains(r.URL, "asynSearch") && bytes.Contains(r.Body, []byte("J_TItems")) {
			lists++
		}
	}
	if a.Reading.Scope != archive.OfPage || a.Reading.Evidence.Pages != 3 || lists > 1 {
		t.Errorf("%s of %d pages has %d lists in %d records", a.Reading.Scope, a.Reading.Evidence.Pages, lists, len(a.Records))
	}
	if _, err := scan.Replay(t.Context(), a, all.Markets(), browser.Options{Flags: mall.Flags()}, slog.New(slog.DiscardHandler)); !errors.Is(err, scan.ErrOnePage) {
		t.Errorf("a page in the midst of a list is read again: %v", err)
	}
	if !slices.ContainsFunc(a.Reading.Left, func(note string) bool { return strings.Contains(note, "answers to earlier pages of the list") }) {
		t.Errorf("left out are %q", a.Reading.Left)
	}
}

// What is read over HTTP is captured and read again likewise.
func TestShopOverHTTPIsReplayed(t *testing.T) {
	shop := fill(woocommerce.Open("captured.woocommerce.example"), []string{woocommerce.ID(0), woocommerce.ID(1)})
	markets.Mount(mall, shop)
	defer markets.Unmount(mall, shop)
	c := newCaptures(t)
	sh := httpShopperBy(t, mall.Flags(), c.options)
	if s, _ := sh.scanShop("woocommerce", shop); s.Verdict != tracker.Complete || len(c.files) > 0 {
		t.Fatalf("%s (%s), %d captures", s.Verdict, s.Reason, len(c.files))
	}
	shop.Delete(woocommerce.ID(1))
	sh.how = scan.CaptureAll
	s, told := sh.scanShop("woocommerce", shop)
	if len(told) != 1 || s.Probes[0].Capture == "" || len(c.files) != 2 {
		t.Fatalf("told %q, %d captures, %+v", told, len(c.files), s.Probes)
	}
	if r := c.replay(c.open(s.Probes[0].Capture)); len(r.Items) != 1 || r.Items[0].State != tracker.PageGone || r.Items[0].Reason != s.Probes[0].Reason {
		t.Errorf("item read again: %+v, want %+v", r.Items, s.Probes)
	}
	r := c.replay(c.open(s.Evidence.Capture))
	if r.Verdict != tracker.Complete || !slices.Equal(r.Products, s.Products) || missed(r) || len(r.Items) != 1 || r.Items[0].State != tracker.PageGone {
		t.Errorf("read again: %s (%s), %d products, items %+v; missed %q", r.Verdict, r.Reason, len(r.Products), r.Items, r.Missed)
	}
}

// missed reports whether a capture lacked something but for what the page asks
// again and again without an end.
func missed(r *scan.Replayed) bool {
	return slices.ContainsFunc(r.Missed, func(a string) bool { return !strings.HasPrefix(a, "https://webww.taobao.com/poll") })
}
