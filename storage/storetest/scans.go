package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"shopwatch/storage"
	"shopwatch/storage/merkle"
	"shopwatch/tracker"
)

// Day is when the tests begin.
var Day = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// Rules are those of most tests.
var Rules = tracker.DefaultRules()

// ctx is that of calls that nothing ends.
var ctx = context.Background()

// Product is a product like those of Tmall, told apart by a number.
func Product(n int) tracker.Product {
	id := fmt.Sprintf("7%011d", int64(n)*7919%99999999999)
	return tracker.Product{
		ID: tracker.ProductID(id), Title: fmt.Sprintf("腾讯官方 糖大夫 智能血糖仪 家用测试仪 第%d款", n),
		URL:   "https://detail.tmall.com/item.htm?id=" + id,
		Image: fmt.Sprintf("https://img.alicdn.com/bao/uploaded/i1/2208/O1CN01%08x_!!2208.jpg", uint32(n)*2654435761),
		Price: tracker.Price{Kind: tracker.PriceExact, Low: int64(1000 + n*17%90000), Currency: "CNY"},
	}
}

// Products are the first n products.
func Products(n int) []tracker.Product {
	list := make([]tracker.Product, n)
	for i := range list {
		list[i] = Product(i)
	}
	return list
}

// Shop is what the storefronts state of themselves.
var Shop = tracker.SellerIdentity{ID: "104736810", Seller: "2208", Name: "腾讯官方数码旗舰店"}

// Complete is a complete scan.
func Complete(name tracker.StorefrontName, began time.Time, list ...tracker.Product) *tracker.Scan {
	return &tracker.Scan{
		Storefront: name, Began: began, Took: 812 * time.Millisecond, Verdict: tracker.Complete, Products: list,
		Evidence: tracker.Evidence{
			Layout: "classic", Parser: 1, Pages: (len(list) + 59) / 60, Products: len(list),
			Declared: tracker.Declared{Pages: (len(list) + 59) / 60}, Stop: "last page", Shop: Shop, Passes: 1,
		},
	}
}

// Partial is a scan that did not see all.
func Partial(name tracker.StorefrontName, began time.Time, list ...tracker.Product) *tracker.Scan {
	s := Complete(name, began, list...)
	s.Verdict, s.Reason = tracker.Partial, "page 2 of 3 did not come"
	return s
}

// Walled is a scan that was refused.
func Walled(name tracker.StorefrontName, began time.Time) *tracker.Scan {
	return &tracker.Scan{
		Storefront: name, Began: began, Took: time.Second, Verdict: tracker.Login, Reason: "the shop page asks for a login",
		Evidence: tracker.Evidence{Layout: "react", Stop: "login"},
	}
}

// Commit commits scans and returns the changes of all.
func Commit(t testing.TB, s storage.Store, scans ...*tracker.Scan) []tracker.Change {
	t.Helper()
	var all []tracker.Change
	for _, scan := range scans {
		changes, err := s.Commit(ctx, scan, Rules)
		if err != nil {
			t.Fatalf("Commit: %v", err)
		}
		all = append(all, changes...)
	}
	return all
}

// Sound fails the test when a store that can verify itself finds damage.
func Sound(t testing.TB, s storage.Store) {
	t.Helper()
	found, err := merkle.Audit(ctx, s, nil, nil)
	if err != nil {
		t.Fatalf("Audit: %v", err)
	}
	for _, f := range found {
		if f.Bad {
			t.Errorf("Audit: %s", f.Text)
		}
	}
	m, ok := s.(storage.Maintainer)
	if !ok {
		return
	}
	if err := m.Check(ctx); err != nil {
		t.Fatalf("Check: %v", err)
	}
}

// Told are changes in short.
func Told(changes []tracker.Change) []string {
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

// Numbers are those of changes.
func Numbers(list []tracker.Change) (n []uint64) {
	for _, c := range list {
		n = append(n, c.Seq)
	}
	return n
}
