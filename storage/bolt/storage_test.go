package bolt_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"shopwatch/storage/bolt"
	"shopwatch/tracker"
)

// day is when the tests begin.
var day = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// ctx is that of calls that nothing ends.
var ctx = context.Background()

// rules are those of most tests.
var rules = tracker.DefaultRules()

// open opens a database and closes it with the test.
func open(t testing.TB, path string) *bolt.DB {
	t.Helper()
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return db
}

// fresh is a new database in a folder of its own.
func fresh(t testing.TB) *bolt.DB {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "shopwatch.db"))
}

// product is a product like those of Tmall, told apart by a number.
func product(n int) tracker.Product {
	id := fmt.Sprintf("7%011d", int64(n)*7919%99999999999)
	return tracker.Product{
		ID: tracker.ProductID(id), Title: fmt.Sprintf("腾讯官方 糖大夫 智能血糖仪 家用测试仪 第%d款", n),
		URL:   "https://detail.tmall.com/item.htm?id=" + id,
		Image: fmt.Sprintf("https://img.alicdn.com/bao/uploaded/i1/2208/O1CN01%08x_!!2208.jpg", uint32(n)*2654435761),
		Price: tracker.Price{Kind: tracker.PriceExact, Low: int64(1000 + n*17%90000), Currency: "CNY"},
	}
}

func products(n int) []tracker.Product {
	list := make([]tracker.Product, n)
	for i := range list {
		list[i] = product(i)
	}
	return list
}

var shop = tracker.Shop{ID: "104736810", Seller: "2208", Name: "腾讯官方数码旗舰店"}

// whole is a complete scan.
func whole(name tracker.Name, began time.Time, list ...tracker.Product) *tracker.Scan {
	return &tracker.Scan{
		Storefront: name, Began: began, Took: 812 * time.Millisecond, Verdict: tracker.Complete, Products: list,
		Evidence: tracker.Evidence{
			Layout: "classic", Parser: 1, Pages: (len(list) + 59) / 60, Products: len(list),
			Declared: tracker.Declared{Pages: (len(list) + 59) / 60}, Stop: "last page", Shop: shop, Passes: 1,
		},
	}
}

// part is a scan that did not see all.
func part(name tracker.Name, began time.Time, list ...tracker.Product) *tracker.Scan {
	s := whole(name, began, list...)
	s.Verdict, s.Reason = tracker.Partial, "page 2 of 3 did not come"
	return s
}

// wall is a scan that was refused.
func wall(name tracker.Name, began time.Time) *tracker.Scan {
	return &tracker.Scan{
		Storefront: name, Began: began, Took: time.Second, Verdict: tracker.Login, Reason: "the shop page asks for a login",
		Evidence: tracker.Evidence{Layout: "react", Stop: "login"},
	}
}

// commit commits scans and returns the changes of all.
func commit(t testing.TB, db *bolt.DB, scans ...*tracker.Scan) []tracker.Change {
	t.Helper()
	var all []tracker.Change
	for _, s := range scans {
		changes, err := db.Commit(ctx, s, rules)
		if err != nil {
			t.Fatalf("Commit: %v", err)
		}
		all = append(all, changes...)
	}
	return all
}

// sound fails the test when the file is not whole.
func sound(t testing.TB, db *bolt.DB) {
	t.Helper()
	if err := db.Check(ctx); err != nil {
		t.Fatalf("Check: %v", err)
	}
}

// told are changes in short.
func told(changes []tracker.Change) []string {
	var list []string
	for _, c := range changes {
		s := string(c.Kind)
		if c.Product != nil {
			s += " " + string(c.Product.ID)
		}
		list = append(list, s)
	}
	return list
}
