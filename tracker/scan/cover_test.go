package scan_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/archive"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market"
	"shopwatch/tracker/scan"
)

// login logs a Chrome in at the mall, and returns the cookies of that.
func login(t *testing.T, b *browser.Browser, nick string) (account []archive.Cookie) {
	t.Helper()
	type saved struct {
		Name, Value, Domain, Path string
		Secure                    bool
	}
	var cookies []saved
	for _, c := range mall.LoginCookies(nick) {
		cookies = append(cookies, saved{c.Name, c.Value, "." + c.Domain, c.Path, c.Secure})
		account = append(account, archive.Cookie{Name: c.Name, Value: c.Value})
	}
	text, err := json.Marshal(cookies)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.LoadCookies(t.Context(), []string{"tmall.com", "taobao.com"}, text); err != nil {
		t.Fatal(err)
	}
	return account
}

// The picture of an item page is the same whoever was logged in when it was
// taken: a nickname on it is covered, which the capture says. The page itself is
// as it was afterwards.
func TestPicturesDoNotTellWhoseLoginItIs(t *testing.T) {
	short(t)
	t.Parallel() // with a Chrome of its own
	shop := openShop(t, "covered.tmall.com", 4)
	b := browser.New(browser.Options{Flags: mall.Flags(), Resolver: mall.Resolver()})
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	var listed tracker.Items
	look := func(nick string, covered bool) []byte {
		t.Helper()
		c := newCaptures(t)
		account := login(t, b, nick)
		sh := newShopper(t, func(o *scan.Options) {
			c.options(o)
			if o.Browser = b; covered {
				o.Account = func(context.Context, string, *market.Market) ([]archive.Cookie, error) { return account, nil }
			}
		})
		sh.catalog = tracker.Items{Is: listed.Is, All: maps.Clone(listed.All)}
		if listed.All == nil {
			sh.scan(shop.URL())
			listed = tracker.Items{Is: sh.catalog.Is, All: maps.Clone(sh.catalog.All)}
			shop.Take("600000000003", fixtures.OffShelf)
		}
		s, _ := sh.scan(shop.URL())
		if len(s.Probes) != 1 || s.Probes[0].State != tracker.PageOffshelf || s.Probes[0].Picture == "" {
			t.Fatalf("%+v, %q", s.Probes, s.Evidence.Warnings)
		}
		a := c.open(s.Probes[0].Capture)
		for _, r := range a.Records {
			switch {
			case strings.HasPrefix(r.URL, "urn:shopwatch:dom:") && (bytes.Contains(r.Body, []byte("█")) || bytes.Contains(r.Body, []byte(nick)) == covered):
				t.Errorf("the document as it was parsed: %s", r.Body)
			case strings.HasPrefix(r.URL, "urn:view:") && !bytes.Equal(r.Body, sh.kept[0]):
				t.Error("the picture in the capture is not the one that is kept beside it")
			}
		}
		if slices.ContainsFunc(a.Reading.Redacted, func(r archive.Redaction) bool { return r.Where == "picture" && r.Records == 1 }) != covered {
			t.Errorf("redacted are %+v", a.Reading.Redacted)
		}
		return sh.kept[0]
	}
	first := look("张三的小店", true)
	if !bytes.Equal(first, look("李四的书房", true)) {
		t.Error("pictures of two accounts differ")
	}
	if bytes.Equal(first, look("张三的小店", false)) {
		t.Error("the page does not show the nickname, so nothing was tested")
	}
}
