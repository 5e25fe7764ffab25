package web_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

// hostile is a title that tries what titles can: markup, marks of writing
// direction, and length.
var hostile = `<script>alert(1)</script><img src=x onerror=alert(2)>"'>` + "\u202e\u2066gnitirw\u2069 " + string(bytes.Repeat([]byte("无"), 450))

// a year of a made-up storefront, one with hostile titles, and one behind a
// wall.
func populated(t testing.TB) *bolt.DB {
	t.Helper()
	db, rules := emptyDatabase(t), tracker.DefaultRules()
	var err error
	if rules.Important, err = patterns("投影仪"); err != nil {
		t.Fatal(err)
	}
	commit := func(s *tracker.Scan) []tracker.Change {
		t.Helper()
		changes, err := db.Commit(ctx, s, rules)
		if err != nil {
			t.Fatal(err)
		}
		return changes
	}
	now := time.Now()
	shot := keep(t, db, 900, 640, color.RGBA{0xf2, 0xee, 0xe4, 0xff})
	capture, err := db.KeepEvidence(ctx, []byte("a capture"), "wacz")
	if err != nil {
		t.Fatal(err)
	}
	pic := keep(t, db, 320, 320, color.RGBA{0x3a, 0x6e, 0xa5, 0xff})
	old := keep(t, db, 320, 320, color.RGBA{0xb0, 0x5a, 0x3c, 0xff})
	for _, s := range fixtures.History(now.Add(-time.Hour)) {
		for i := range s.Probes {
			s.Probes[i].Picture = shot
		}
		commit(s)
	}
	p := func(n int, title string) tracker.Product {
		id := fmt.Sprint("77000000", n)
		return tracker.Product{ID: tracker.ProductID(id), Title: title, URL: "https://detail.tmall.com/item.htm?id=" + id, Image: "https://img.alicdn.com/" + id + ".jpg",
			Price: tracker.Price{Kind: tracker.PriceRange, Low: 19900, High: 29900, Currency: "CNY"}}
	}
	list := []tracker.Product{p(11, "普通商品"), p(12, hostile), p(13, "="+"HYPERLINK(\"http://evil.example\")"), p(14, "late")}
	scan := func(ago time.Duration, list ...tracker.Product) *tracker.Scan {
		return &tracker.Scan{
			Storefront: "evil", Began: now.Add(-ago), Took: time.Second, Verdict: tracker.Complete, Products: list,
			Evidence: tracker.Evidence{Pages: 1, Products: len(list), Declared: tracker.Declared{Pages: 1}, Parser: 1, Shop: tracker.SellerIdentity{ID: "1", Name: hostile}},
		}
	}
	commit(scan(50*time.Hour, list[:3]...))
	renamed := list[1]
	renamed.Title, renamed.URL, renamed.Image = hostile+"2", "javascript:alert(3)", "https://img.alicdn.com/other.jpg"
	s := scan(40*time.Hour, list[0], renamed, list[2], list[3])
	s.Pictures = map[tracker.ProductID]tracker.Picture{renamed.ID: {Hash: "", File: pic, WasFile: old}, list[3].ID: {File: pic, Card: shot}}
	commit(s)
	off := scan(30*time.Hour, renamed, list[2])
	off.Probes = []tracker.Probe{{Product: list[0].ID, State: tracker.PageOffshelf, At: now.Add(-30 * time.Hour), URL: "https://detail.tmall.com/item.htm?id=7700000011", Reason: hostile, Says: "此商品已下架", Picture: shot, Capture: capture}}
	commit(off)
	if err := db.Join(ctx, "analysts"); err != nil {
		t.Fatal(err)
	}
	cheaper := list[2]
	cheaper.Price.Low = 9900
	for i := range 3 {
		commit(scan(time.Duration(20-i)*time.Hour, renamed, cheaper))
	}
	for i := range 4 {
		commit(&tracker.Scan{Storefront: "walled", Began: now.Add(-time.Duration(10-i) * time.Hour), Took: time.Second, Verdict: tracker.Login, Reason: "the shop page asks for a login"})
	}
	made, err := storage.NextReports(ctx, db, "analysts", []string{secret, "b@example.com"}, now, 0, func(pending []tracker.Change) []storage.Portion {
		var seqs []uint64
		for i := range pending {
			seqs = append(seqs, pending[i].Seq)
		}
		return []storage.Portion{{Take: len(pending), Tell: seqs}}
	})
	if err != nil || len(made) != 1 {
		t.Fatal(made, err)
	}
	if err := db.NoteDelivery(ctx, made[0].ID, tracker.Delivery{To: secret, State: tracker.Dead, Answer: "550 no such user " + hostile[:80], Attempts: 3, Tried: now}); err != nil {
		t.Fatal(err)
	}
	return db
}

// secret is a recipient, whom not everybody may know.
const secret = "somebody-who-is-told@example.com"

func patterns(text string) (tracker.Patterns, error) {
	p, err := tracker.ParsePattern(text)
	return tracker.Patterns{p}, err
}

// keep keeps a picture.
func keep(t testing.TB, db *bolt.DB, w, h int, c color.RGBA) string {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			shade := c
			if (x/40+y/40)%2 == 0 {
				shade.R, shade.G, shade.B = c.R-12, c.G-12, c.B-12
			}
			img.Set(x, y, shade)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	name, err := db.KeepEvidence(ctx, b.Bytes(), "png")
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// tourOptions are those of a server that shows the populated database.
func tourOptions(db *bolt.DB) api.Options {
	o := options(db)
	o.Zone = time.FixedZone("Asia/Shanghai", 8*3600)
	o.Channels = []string{"analysts"}
	o.Shops = []api.StorefrontInfo{
		{Storefront: tracker.Storefront{Name: fixtures.MadeUp, URL: "https://made-up-year.tmall.com/"}, Title: "A made-up year · 虚构的一年", Marketplace: "tmall", Misses: 3},
		{Storefront: tracker.Storefront{Name: "evil", URL: "https://evil.tmall.com/"}, Title: hostile, Marketplace: "tmall", Misses: 3},
		{Storefront: tracker.Storefront{Name: "walled", URL: "https://walled.tmall.com/"}, Title: "Behind a wall", Marketplace: "tmall", Misses: 3},
		{Storefront: tracker.Storefront{Name: "new"}},
	}
	return o
}
