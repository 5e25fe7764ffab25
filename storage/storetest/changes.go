package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// storied is a database with some thousand changes of two storefronts, in the
// midst of which the clock steps forth and back.
func (e Engine) storied(t testing.TB) storage.Store {
	t.Helper()
	db := e.Open(t)
	list := Products(120)
	Commit(t, db, Complete("tencent", Day, list...), Complete("oppo", Day, list...))
	at := Day
	for i := range 60 {
		at = at.Add(time.Hour)
		switch i {
		case 20:
			at = at.AddDate(1, 0, 0)
		case 30:
			at = at.AddDate(-2, 0, 0)
		case 40:
			at = at.AddDate(1, 0, 0)
		}
		for k := range 50 {
			list[(i*50+k)%len(list)].Price.Low += 100
		}
		list[i].Title += "新"
		Commit(t, db, Complete("tencent", at, list...))
		if i%10 == 0 {
			Commit(t, db, Complete("oppo", at, list...))
		}
	}
	return db
}

func (e Engine) testQuery(t *testing.T) {
	db := e.storied(t)
	all, err := db.Changes(ctx, storage.Query{Limit: 1 << 30})
	if err != nil || len(all) < 2048 {
		t.Fatalf("%d changes, error %v; want some thousand", len(all), err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	moment := func() time.Time {
		if r.IntN(3) == 0 {
			return time.Time{}
		}
		return all[r.IntN(len(all))].At.Add(time.Duration(r.IntN(3)-1) * time.Hour)
	}
	number := func() uint64 { return uint64(r.IntN(2) * r.IntN(len(all)+3)) }
	for range 400 {
		q := storage.Query{
			Storefront: []tracker.StorefrontName{"", "tencent", "oppo", "nobody"}[r.IntN(4)],
			Kinds:      [][]tracker.Kind{nil, {tracker.Retitled}, {tracker.Added, tracker.Repriced}, {tracker.Closed}}[r.IntN(4)],
			Since:      moment(), Until: moment(), After: number(), Before: number(),
			Limit: []int{0, 1, 7, 100000}[r.IntN(4)], Newest: r.IntN(2) == 0,
		}
		got, err := db.Changes(ctx, q)
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		if diff := cmp.Diff(Numbers(selected(all, q)), Numbers(got)); diff != "" {
			t.Fatalf("%+v gives other changes (-want +got):\n%s", q, diff)
		}
	}
}

// selected is what a query means, said without an index.
func selected(all []tracker.Change, q storage.Query) []tracker.Change {
	if q.Newest {
		all = slices.Clone(all)
		slices.Reverse(all)
	}
	if q.Limit == 0 {
		q.Limit = 100
	}
	var list []tracker.Change
	for _, c := range all {
		if (q.Storefront == "" || c.Storefront == q.Storefront) && (q.Kinds == nil || slices.Contains(q.Kinds, c.Kind)) &&
			(q.Since.IsZero() || !c.At.Before(q.Since)) && (q.Until.IsZero() || c.At.Before(q.Until)) &&
			c.Seq > q.After && (q.Before == 0 || c.Seq < q.Before) && len(list) < q.Limit {
			list = append(list, c)
		}
	}
	return list
}

func (e Engine) testHistoryOfOneProduct(t *testing.T) {
	db := e.storied(t)
	all, err := db.Changes(ctx, storage.Query{Limit: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	id := Product(17).ID
	var want []uint64
	for _, c := range all {
		if c.Storefront == "tencent" && c.Product.ID == id {
			want = append(want, c.Seq)
		}
	}
	var got []uint64
	for after := uint64(0); ; after = got[len(got)-1] {
		page, err := db.History(ctx, "tencent", id, after, 4)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		got = append(got, Numbers(page)...)
	}
	if !slices.Equal(got, want) || len(want) < 10 {
		t.Errorf("history %v, want %v", got, want)
	}
	for _, no := range []tracker.ProductID{"", "7", id[:5], id + "0"} {
		if list, err := db.History(ctx, "tencent", no, 0, 0); len(list) > 0 || err != nil {
			t.Errorf("history of %q: %v, %v; want none", no, list, err)
		}
	}
}

func (e Engine) testPriorPrices(t *testing.T) {
	db := e.Open(t)
	r := rand.New(rand.NewPCG(3, 4))
	list := Products(4)
	for day := range 90 {
		for i := range list {
			if r.IntN(3) > 0 {
				list[i].Price.Low = int64(9000 + r.IntN(1000))
			}
			if r.IntN(40) == 0 {
				list[i].Price.Currency = []string{"CNY", "USD"}[r.IntN(2)]
			}
		}
		for _, c := range Commit(t, db, Complete("tencent", Day.AddDate(0, 0, day), list...), Complete("oppo", Day.AddDate(0, 0, day), Product(1))) {
			if r.IntN(20) == 0 {
				if _, err := db.Dispute(ctx, c.Seq, "a slip", c.At); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	all, err := db.Changes(ctx, storage.Query{Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[uint64]tracker.Price)
	for i := range all {
		same := slices.DeleteFunc(slices.Clone(all), func(c tracker.Change) bool { return c.Product.ID != all[i].Product.ID })
		if p, ok := tracker.PriorPrice(&all[i], same); ok {
			want[all[i].Seq] = p
		}
	}
	if len(want) < 50 || len(want) > len(all)-50 {
		t.Fatalf("%d of %d changes cut a price", len(want), len(all))
	}
	e.costs(t, db, 1, 0, "prior prices", func() {
		got, err := db.PriorPrices(ctx, all)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("prior prices, error %v (-want +got):\n%s", err, diff)
		}
	})
	if err := storage.WithPrior(ctx, db, all); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.Prior != want[c.Seq] {
			t.Errorf("WithPrior gives change %d %v, want %v", c.Seq, c.Prior, want[c.Seq])
		}
	}
	stored, _, err := db.Change(ctx, all[len(all)-1].Seq)
	if stored.Prior.Known() || err != nil {
		t.Errorf("a stored change has a prior price, %v", err)
	}
}

func (e Engine) testHistoryIsWholeWhateverIsDisputed(t *testing.T) {
	db := e.Open(t)
	list := Products(3)
	id, next := list[0].ID, Day
	scan := func(list ...tracker.Product) []tracker.Change {
		next = next.Add(time.Hour)
		return Commit(t, db, Complete("tencent", next, list...))
	}
	scan(list[1:]...)
	added := scan(list...)
	var want []uint64
	for i := range 60 {
		list[0].Price.Low += 10
		if i%5 == 0 {
			list[0].Title += "新"
		}
		changes := scan(list...)
		if i%7 == 0 {
			if _, err := db.Dispute(ctx, changes[0].Seq, "I know better", next); err != nil {
				t.Fatal(err)
			}
		}
		if i == 50 { // takes the item out of the catalog
			if _, err := db.Dispute(ctx, added[0].Seq, "", next); err != nil {
				t.Fatal(err)
			}
		}
		all, err := db.Changes(ctx, storage.Query{Limit: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		want = want[:0]
		for _, c := range all {
			if c.Product.ID == id {
				want = append(want, c.Seq)
			}
		}
		after := want[i/2]
		got, err := db.History(ctx, "tencent", id, 0, 1000)
		later, err2 := db.History(ctx, "tencent", id, after, 1000)
		if !slices.Equal(Numbers(got), want) || !slices.Equal(Numbers(later), want[i/2+1:]) || err != nil || err2 != nil {
			t.Fatalf("after %d scans: history %v, after %d %v, errors %v, %v; want %v", i, Numbers(got), after, Numbers(later), err, err2, want)
		}
		Sound(t, db)
	}
}

func (e Engine) testChangeByNumber(t *testing.T) {
	db := e.storied(t)
	for seq, want := range map[uint64]bool{0: false, 1: true, 2000: true, 1 << 40: false} {
		c, found, err := db.Change(ctx, seq)
		if found != want || err != nil || found && c.Seq != seq {
			t.Errorf("Change(%d) = %d, %v, %v; want found %v", seq, c.Seq, found, err, want)
		}
	}
}

func (e Engine) testScansOfAllStorefrontsNewestFirst(t *testing.T) {
	db := e.storied(t)
	var got []tracker.Scan
	var before time.Time
	for {
		page, err := db.Scans(ctx, storage.ScanQuery{Before: storage.ScanPlace{Began: before}, Limit: 7})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
		before = page[len(page)-1].Began
	}
	// Scans of the same millisecond may be cut by a page; here there are some.
	if !slices.IsSortedFunc(got, func(a, b tracker.Scan) int { return b.Began.Compare(a.Began) }) {
		t.Error("not newest first")
	}
	whole, err := db.Scans(ctx, storage.ScanQuery{Limit: 1000})
	if len(whole) != 62+6 || err != nil {
		t.Errorf("%d scans, error %v; want 68", len(whole), err)
	}
	one, err := db.Scans(ctx, storage.ScanQuery{Storefront: "oppo", Since: Day, Limit: 1000})
	if len(one) != 6 || err != nil {
		t.Errorf("%d scans of oppo since the first Day, error %v; want 6", len(one), err)
	}
}

func (e Engine) testProductsArePaged(t *testing.T) {
	db := e.Open(t)
	list := Products(250)
	Commit(t, db, Complete("tencent", Day, list...), Complete("tencent", Day.Add(time.Hour), list[1:]...))
	var ids []string
	for after := tracker.ProductID(""); ; after = tracker.ProductID(ids[len(ids)-1]) {
		page, err := db.Products(ctx, "tencent", after, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range page {
			ids = append(ids, string(it.ID))
			if want := Day.Add(time.Hour); it.Missing == 0 && !it.LastSeen.Equal(want) {
				t.Fatalf("%s last seen %v, want %v", it.ID, it.LastSeen, want)
			}
		}
		if len(page) < 100 {
			break
		}
	}
	if len(ids) != 250 || !slices.IsSorted(ids) {
		t.Errorf("%d products, sorted %v; want 250", len(ids), slices.IsSorted(ids))
	}
	suspects, err := db.Suspects(ctx, "tencent", "", 0)
	if len(suspects) != 1 || err != nil || suspects[0].ID != list[0].ID || suspects[0].Missing != 1 || !suspects[0].LastSeen.Equal(Day) {
		t.Errorf("Suspects = %+v, %v; want the first product, last seen on the first day", suspects, err)
	}
	if it, found, err := db.Product(ctx, "tencent", list[3].ID); !found || err != nil || it.Title != list[3].Title {
		t.Errorf("Product = %+v, %v, %v", it, found, err)
	}
	for _, no := range []string{"", "1", "ghost"} {
		if _, found, err := db.Product(ctx, "tencent", tracker.ProductID(no)); found || err != nil {
			t.Errorf("Product(%q): found %v, error %v", no, found, err)
		}
	}
	if _, found, err := db.Product(ctx, "nobody", "1"); found || err != nil {
		t.Errorf("product of nobody: found %v, error %v", found, err)
	}
}

func (e Engine) testEveryFieldOfAChangeIsKept(t *testing.T) {
	db := e.Open(t)
	list := Products(5)
	list[1].Price = tracker.Price{}
	list[2].Price = tracker.Price{Kind: tracker.PriceRange, Low: 19900, High: 29900, Currency: "USD"}
	list[3].Image = ""
	list[4].Availability, list[4].Variants = tracker.Available, 2
	list[4].Price.Basis = tracker.Basis{Market: "DE", Tax: tracker.TaxIncluded}
	Commit(t, db, Complete("tencent", Day, list...))
	list[1].Price = tracker.Price{Kind: tracker.PriceFrom, Low: 100, Currency: "CNY"}
	list[2].Title, list[2].URL = "<b>&\"\u202e糖", "https://detail.tmall.com/item.htm?id=1&skuId=2"
	list[2].Price.High++
	list[3].Image = "https://img.alicdn.com/new.jpg"
	list[4].Availability, list[4].Variants = tracker.SoldOut, 3
	s := Complete("tencent", Day.Add(time.Hour), append(list[1:], Product(9))...)
	s.Probes = []tracker.Probe{{Product: list[0].ID, State: tracker.PageOffshelf, At: Day.Add(time.Hour), URL: list[0].URL, Reason: "已下架", Picture: evidenceName("page")}}
	s.Pictures = map[tracker.ProductID]tracker.Picture{
		Product(9).ID: {Hash: "bG9vaw==", File: evidenceName("new"), Card: evidenceName("card")}, list[0].ID: {Hash: "b2xk", File: evidenceName("old")},
	}
	r := Rules
	r.Important, r.Ignored = patterns(t, "糖|血糖仪"), patterns(t, string(Product(9).ID))
	changes, err := db.Commit(ctx, s, r)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := db.Changes(ctx, storage.Query{Limit: 1 << 30})
	if diff := cmp.Diff(changes, stored); diff != "" || err != nil || len(changes) < 5 {
		t.Errorf("%d changes, error %v, differ (-committed +stored):\n%s", len(changes), err, diff)
	}
	Sound(t, db)
}

func patterns(t testing.TB, texts ...string) (ps tracker.Patterns) {
	t.Helper()
	for _, text := range texts {
		p, err := tracker.ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
	return ps
}

func evidenceName(what string) string {
	return fmt.Sprintf("%x%s.webp", make([]byte, 30), fmt.Sprintf("%x", what)[:4])
}
