package storage

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shopwatch/tracker"
)

// What is written and read by hand is what encoding/json writes and reads.
// This test looks inside because from outside both are the same.
func TestPlainJSONIsJSON(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	texts := []string{"", "", "糖大夫 血糖仪", "a", "https://img.alicdn.com/x_!!2208.jpg?a=1", `"`, `a\b`, "<b>", "x&y", "\u2028", "line\n", "\xff", "\x7f", "é", "😀", "�"}
	text := func() string { return texts[r.IntN(len(texts))] }
	plain := func() string { return texts[r.IntN(5)] }
	numbers := []int64{0, 0, 1, -1, 1795000000000, 29900, 1 << 62, -(1 << 63), 99999999999999999, 999999999999999999}
	number := func() int64 {
		if r.IntN(20) > 0 {
			return numbers[r.IntN(6)]
		}
		return numbers[r.IntN(len(numbers))]
	}
	price := func() *priceValue {
		if r.IntN(2) == 0 {
			return nil
		}
		return &priceValue{Kind: tracker.PriceKind(plain()), Low: number(), High: number(), Currency: plain()}
	}
	some := func() *string {
		if r.IntN(2) == 0 {
			return nil
		}
		s := plain()
		return &s
	}
	product := func() productValue {
		p := productValue{Title: plain(), URL: plain(), Image: plain(), Price: price()}
		if r.IntN(10) == 0 {
			p.Title = text()
		}
		return p
	}
	written, read := 0, 0
	for range 30_000 {
		it := itemValue{
			productValue: product(), FirstSeen: number(), LastSeen: number(), Missing: int(number()), Removed: number(), Pending: price(), Look: tracker.Look(plain()),
		}
		if r.IntN(10) == 0 {
			it.Probe = &probeValue{State: tracker.PageGone}
		}
		want, err := json.Marshal(it)
		if err != nil {
			t.Fatal(err)
		}
		if got := plainItem(&it); got != nil {
			written++
			if string(got) != string(want) {
				t.Fatalf("item written as\n%s, want\n%s", got, want)
			}
		}
		if r.IntN(3) == 0 { // anything
			want[r.IntN(len(want))] = `{}":,\0919.e-tx`[r.IntN(15)]
		}
		var got, is itemValue
		if readPlainItem(want, &got) {
			read++
			if err := json.Unmarshal(want, &is); err != nil {
				t.Fatalf("read %s, which is no JSON: %v", want, err)
			}
			if diff := cmp.Diff(is, got, cmp.AllowUnexported(itemValue{})); diff != "" {
				t.Fatalf("read %s as (-want +got):\n%s", want, diff)
			}
		}

		p := product()
		p.ID = tracker.ProductID(plain())
		c := changeValue{Kind: tracker.Kind(plain()), Storefront: tracker.Name(plain()), Scan: number(), Product: &p}
		if r.IntN(2) == 0 {
			c.Before = &beforeValue{Title: some(), URL: some(), Image: some(), Price: price()}
		}
		switch r.IntN(20) {
		case 0:
			c.Product = nil
		case 1:
			c.Reason = "x"
		case 2:
			c.Pictures.Page = "x"
		case 3:
			c.Ignored = true
		}
		if want, err = json.Marshal(c); err != nil {
			t.Fatal(err)
		}
		if got := plainChange(&c); got != nil {
			written++
			if string(got) != string(want) {
				t.Fatalf("change written as\n%s, want\n%s", got, want)
			}
		}
	}
	if written < 40_000 || read < 10_000 {
		t.Errorf("%d written and %d read by hand, want most", written, read)
	}
}
